"""The passages that most likely hold an answer which no sentence gives outright. Pure.

A window is a run of whole sentences, list items and table rows of one page. Each of these has a
weight: the chance that the answer is in it, by the score of its sentence and, fading with the
distance, by the scores of those around it, since a lead-in, a heading or the next item often
completes what a sentence says. The windows that cover the most weight are shown. The scores may
come from anywhere: only their order and their differences count.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.answers import (
    MAX_NEAREST,
    MAX_NEAREST_CHARACTERS,
    NearestPassage,
    PageRange,
)
from chalicelib.retrieval.answer.citations import SourceSentence, cite_source
from chalicelib.retrieval.answer.question_types import strip_question_words
from chalicelib.retrieval.text.sentences import TextSpan, split_sentences
from chalicelib.retrieval.text.terms import are_related, stems, tokenize

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.answer.evidence import Evidence

TEMPERATURE = 1.0
"""A sentence whose score is lower than the best by this much is e times less likely to answer."""
FADING = 0.4
"""The share of a sentence's weight that its context, and the sentences around it, have, too."""

_NUMBER = re.compile(r"[\W\d]{1,5}")
"""The number of a heading or of a list item, with which no window ends."""


@dataclass(frozen=True, slots=True)
class PassageWindow:
    """A run of characters of a passage, its weight, and the header of its rows if left out."""

    passage: Hit
    span: TextSpan
    weight: float
    header: SourceSentence | None

    @property
    def source(self) -> SourceSentence:
        """Return the window as a source that can be cited."""
        text = self.passage.text[self.span.start : self.span.end]
        return SourceSentence(self.passage, self.span, text)


def nearest_passages(
    question: str, evidence: Sequence[Evidence], found: Sequence[Hit] = (), first: int = 1
) -> tuple[NearestPassage, ...]:
    """Return the windows that most likely hold the answer, at most `MAX_NEAREST`, best first.

    They do not overlap, and none is longer than `MAX_NEAREST_CHARACTERS`, its header included.

    Args:
        question: the question; its words are highlighted.
        evidence: the sentences with their scores, in any order.
        found: the passages as their pages have them: no window spans what was blanked since.
        first: the number of the first passage's citation.
    """
    numbers = itertools.count(first)
    return tuple(
        NearestPassage(
            citation=cite_source(next(numbers), window.source),
            heading=window.passage.heading,
            header=cite_source(next(numbers), window.header) if window.header else None,
            highlights=tuple(_highlights(question, window)),
        )
        for window in best_windows(evidence, found)
    )


def best_windows(
    evidence: Sequence[Evidence], found: Sequence[Hit] = (), count: int = MAX_NEAREST
) -> list[PassageWindow]:
    """Return the windows that cover the most weight, each beyond what better ones cover."""
    weights = _source_weights(evidence)
    texts = {_place(passage): passage.text for passage in found}
    passages = {id(item.source.passage): item.source.passage for item in evidence}
    pages = [
        _WeighedPassage.of(passage, texts.get(_place(passage), passage.text), weights)
        for passage in passages.values()
    ]
    chosen: list[PassageWindow] = []
    while len(chosen) < count:
        windows = (window for page in pages for window in page.windows(chosen))
        best = max(windows, key=lambda window: window.weight, default=None)
        if best is None:
            break
        chosen.append(best)
    return chosen


Position = tuple[str, str, int, int, int]
"""Document, version, page, first character and the one after the last."""


def _place(passage: Hit) -> tuple[str, str, int, int]:
    return passage.document_id, passage.version, passage.page, passage.start


def _source_weights(evidence: Sequence[Evidence]) -> dict[Position, float]:
    """Return the weight of each segment; its context, such as a lead-in, has a share of it."""
    best = max((item.score for item in evidence), default=0.0)
    weights: dict[Position, float] = {}
    for item in evidence:
        weight = math.exp((item.score - best) / TEMPERATURE)
        places = [(item.source, weight)]
        places += [(context, FADING * weight) for context in item.source.context_sources]
        for source, share in places:
            weights[source.position] = max(share, weights.get(source.position, 0.0))
    return weights


@dataclass(frozen=True, slots=True)
class _WeighedPassage:
    """A passage, its text on the page, the spans of its sentences, and the weight of each."""

    passage: Hit
    text: str
    spans: Sequence[TextSpan]
    weights: Sequence[float]

    @classmethod
    def of(cls, passage: Hit, text: str, weights: Mapping[Position, float]) -> _WeighedPassage:
        spans = split_sentences(passage.text)
        here = (passage.document_id, passage.version, passage.page)
        own = [0.0] * len(spans)
        for (*page, start, end), weight in weights.items():
            if tuple(page) != here:
                continue
            for at, span in enumerate(spans):
                first, last = passage.start + span.start, passage.start + span.end
                shared = min(end, last) - max(start, first)
                own[at] += max(0, shared) / (end - start) * weight
        return cls(passage, text, spans, _faded(own))

    def windows(self, taken: Sequence[PassageWindow]) -> Iterator[PassageWindow]:
        """Yield, from each sentence on, the longest window clear of those that are `taken`."""
        free = [not any(self._overlaps(span, window) for window in taken) for span in self.spans]
        for first, span in enumerate(self.spans):
            if not free[first]:
                continue
            header = self._header(span)
            room = MAX_NEAREST_CHARACTERS - (len(header.text) if header else 0)
            last = first
            for at in range(first + 1, len(self.spans)):
                gap = self.text[self.spans[at - 1].end : self.spans[at].start]
                if not free[at] or gap.strip() or self.spans[at].end - span.start > room:
                    break
                last = at
            while last > first and _NUMBER.fullmatch(self._text(last)):
                last -= 1
            whole = TextSpan(span.start, self.spans[last].end)
            yield PassageWindow(self.passage, whole, sum(self.weights[first : last + 1]), header)

    def _text(self, at: int) -> str:
        span = self.spans[at]
        return self.passage.text[span.start : span.end]

    def _header(self, span: TextSpan) -> SourceSentence | None:
        text = self.passage.text[span.start : span.end]
        header = SourceSentence(self.passage, span, text).header
        fits = header is not None and len(header.text) + len(text) <= MAX_NEAREST_CHARACTERS
        return header if fits else None

    def _overlaps(self, span: TextSpan, window: PassageWindow) -> bool:
        passage, other = self.passage, window.passage
        page = (passage.document_id, passage.version, passage.page)
        if page != (other.document_id, other.version, other.page):
            return False
        start, end = passage.start + span.start, passage.start + span.end
        return start < other.start + window.span.end and other.start + window.span.start < end


def _faded(weights: Sequence[float]) -> list[float]:
    """Return the weights with a share of each neighbour's, geometrically less with distance."""
    faded = list(weights)
    for order in (range(len(weights)), reversed(range(len(weights)))):
        carried = 0.0
        for at in order:
            faded[at] += carried
            carried = FADING * (carried + weights[at])
    return faded


def _highlights(question: str, window: PassageWindow) -> Iterator[PageRange]:
    """Yield the ranges of the page with words of the question, in whatever inflection."""
    asked = stems(tokenize(strip_question_words(question)))
    source = window.source
    begin = window.passage.start + window.span.start
    for word in tokenize(source.text):
        if word.carries_meaning and _is_of(word.stem, asked):
            yield PageRange(start=begin + word.start, end=begin + word.end)


def _is_of(stem: str, asked: Iterable[str]) -> bool:
    return any(stem == other or are_related(stem, other) for other in asked)
