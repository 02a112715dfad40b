"""The support check: compares claims with their sources by rules, aligned by a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.functions.check_support import CheckRequest, CheckResult, CheckSource
from chalicelib.retrieval.answer.support.verdict import ParsedSource, judge_claim
from chalicelib.retrieval.text.parsed_text import ParsedText, parse_text
from chalicelib.retrieval.text.sentences import TextSpan, split_sentences
from chalicelib.retrieval.text.terms import stems

if TYPE_CHECKING:
    from chalicelib.inference.word_vectors import WordVectors

NEAR = 8
"""The most sentences, of all sources together, that one claim is compared with word by word."""


class WordModel(Protocol):
    """A model that reads a text word by word, as `WordReader` does."""

    @property
    def model(self) -> str:
        """Return its name in the catalogue."""

    def read(self, text: str, spans: Sequence[tuple[int, int]]) -> WordVectors:
        """Return the vectors of the words of `text` at `spans`."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`; `clock` returns seconds from any start."""

    reader: WordModel
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Source:
    """A source with its parsed sentences."""

    id: int
    spans: tuple[TextSpan, ...]
    sentences: tuple[ParsedText, ...]


@dataclass(slots=True)
class _Comparing:
    """Compares texts word by word; the model reads each text once."""

    reader: WordModel
    known: dict[str, WordVectors] = field(default_factory=dict)

    def __call__(self, claim: ParsedText, sentence: ParsedText) -> list[list[float]]:
        return self._vectors(claim).likeness(self._vectors(sentence))

    def _vectors(self, reading: ParsedText) -> WordVectors:
        if reading.text not in self.known:
            spans = [(word.start, word.end) for word in reading.words]
            self.known[reading.text] = self.reader.read(reading.text, spans)
        return self.known[reading.text]

    @property
    def tokens(self) -> int:
        """Return the number of tokens that the model has read."""
        return sum(vectors.tokens for vectors in self.known.values())


def run(request: CheckRequest, deps: Deps) -> CheckResult:
    """Return one verdict per claim, in order.

    Raises:
        InvalidInput: a text is not Unicode text.
        ModelFailure: the model is missing or failed.
    """
    began = deps.clock()
    sources = [_taken_apart(source) for source in request.sources]
    question_stems = stems(parse_text(request.question).words)
    compare = _Comparing(deps.reader)
    verdicts = tuple(
        judge_claim(claim, _near(claim, sources), compare, question_stems)
        for claim in map(parse_text, request.claims)
    )
    return CheckResult(
        verdicts=verdicts,
        model=deps.reader.model,
        tokens=compare.tokens,
        seconds=deps.clock() - began,
    )


def _taken_apart(source: CheckSource) -> _Source:
    text = source.text
    spans = tuple(split_sentences(text))
    sentences = tuple(parse_text(text[span.start : span.end]) for span in spans)
    return _Source(source.id, spans, sentences)


def _near(claim: ParsedText, sources: Sequence[_Source]) -> list[ParsedSource]:
    """Return the sources, each with its sentences that share most words with the claim."""
    claim_stems = {word.stem for word in claim.words if word.carries_meaning}
    ranked = sorted(
        (
            (-len(claim_stems & {word.stem for word in sentence.words}), at, place)
            for at, source in enumerate(sources)
            for place, sentence in enumerate(source.sentences)
        ),
    )
    chosen = {(at, place) for _, at, place in ranked[:NEAR]}
    return [
        ParsedSource(
            id=source.id,
            sentences=source.sentences,
            spans=source.spans,
            near=tuple(place for place in range(len(source.sentences)) if (at, place) in chosen),
        )
        for at, source in enumerate(sources)
    ]
