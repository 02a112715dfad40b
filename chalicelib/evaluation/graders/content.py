"""Graders that ask our own functions: similarity, support, citations, safety."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from chalicelib.contracts.functions.check_support import MAX_CLAIMS, MAX_SOURCES, MAX_TEXT
from chalicelib.evaluation.graders.base import GradedSample, GradingServices, Score, expected_text

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import (
        EmbeddingSimilarity,
        ExactCitations,
        SafeContent,
        SupportedClaims,
    )

_SOURCE_PIECE = re.compile(rf"[\s\S]{{1,{MAX_TEXT}}}(?!\S)|[\s\S]{{1,{MAX_TEXT}}}")
_EMPTY = Score(0.0, "The answer is empty.")


@dataclass(frozen=True, slots=True)
class SimilarityGrader:
    """Compares the meaning of an answer with that of the expected text, by their vectors."""

    rule: EmbeddingSimilarity
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return the cosine; not a number where a vector has no length."""
        expected = expected_text(sample, self.rule.expected)
        if not sample.answer.text.strip():
            return _EMPTY
        if not expected.strip():
            return Score(0.0, "The expected text is empty.")
        (one, other), lines = services.embed((sample.answer.text, expected))
        value = _cosine(one, other)
        return Score(value, f"The similarity is {value:.3f}.", lines)


@dataclass(frozen=True, slots=True)
class SupportGrader:
    """Checks that the sentences of an answer rest on sources."""

    rule: SupportedClaims
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return the share of supported sentences; 0 if there is nothing to check."""
        from chalicelib.retrieval.answer.evidence import answer_sentences

        texts = self._sources(sample)
        pieces = [piece for text in texts for piece in _SOURCE_PIECE.findall(text) if piece.strip()]
        claims = answer_sentences(sample.answer.text)
        if not claims:
            return Score(0.0, "It says nothing that can be checked.")
        if not pieces:
            return Score(0.0, "There is no source that it could rest on.")
        longest = max(map(len, claims))
        if len(claims) > MAX_CLAIMS or len(pieces) > MAX_SOURCES or longest > MAX_TEXT:
            return Score(
                0.0,
                f"It cannot be checked: {len(claims)} sentences and {len(pieces)} sources of up to "
                f"{MAX_TEXT} characters; {MAX_CLAIMS} and {MAX_SOURCES} are the most.",
            )
        question = next((v for v in sample.case.variables.values() if isinstance(v, str)), "")
        verdicts, lines = services.support(question[:MAX_TEXT], claims, pieces)
        unsupported = [
            claim for claim, verdict in zip(claims, verdicts, strict=True) if not verdict.supported
        ]
        value = 1 - len(unsupported) / len(claims)
        told = f"{len(unsupported)} of {len(claims)} sentences rest on nothing: {unsupported[:1]}."
        return Score(value, told, lines)

    def _sources(self, sample: GradedSample) -> Sequence[str]:
        if not self.rule.variables:
            return sample.answer.sources
        given = (sample.case.variables[name] for name in self.rule.variables)
        return [value for value in given if isinstance(value, str)]


@dataclass(frozen=True, slots=True)
class CitationGrader:
    """Compares the quote of each citation with the cited range of its page."""

    rule: ExactCitations
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return the share of exact quotes."""
        citations = sample.answer.citations
        if not citations:
            if self.rule.required:
                return Score(0.0, "It cites nothing.")
            return Score(1.0)
        wrong = [each for each in citations if services.quoted_text(each) != each.quote]
        told = f"[{wrong[0].n}] of {wrong[0].path} is not what its page says." if wrong else ""
        return Score(1 - len(wrong) / len(citations), told)


@dataclass(frozen=True, slots=True)
class SafetyGrader:
    """Screens the answer as what a model wrote."""

    rule: SafeContent
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if nothing is found, and otherwise 1 minus the highest score of a finding."""
        if not sample.answer.text.strip():
            return Score(1.0)
        found = services.screen(sample.answer.text, self.rule.categories, self.rule.least)
        if not found:
            return Score(1.0)
        worst = max(found, key=lambda finding: finding.score)
        return Score(min(1 - worst.score, 0.99), f"{worst.rule}: {worst.words}.")


def _cosine(one: Sequence[float], other: Sequence[float]) -> float:
    lengths = math.hypot(*one) * math.hypot(*other)
    if not lengths:
        return math.nan
    return math.fsum(a * b for a, b in zip(one, other, strict=True)) / lengths
