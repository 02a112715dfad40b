"""Passages of what is spoken: cut where speakers pause, and none longer than a hit may last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.sentences import TextSpan
from chalicelib.retrieval.text.timelines import opens_sentence

if TYPE_CHECKING:
    from chalicelib.contracts.page_times import TimedSpan


@dataclass(frozen=True, slots=True)
class PassageLengths:
    """When a passage of speech ends, in milliseconds.

    It does at a silence of `pause_ms` between sentences once it lasts `min_ms`, and before it lasts
    more than `max_ms`: behind the sentence before that, or within one that lasts longer itself.
    """

    pause_ms: int
    min_ms: int
    max_ms: int


LENGTHS = PassageLengths(pause_ms=700, min_ms=5_000, max_ms=15_000)
"""Chosen by `python -m benchmarks film_passages`, on talks that judge nothing."""


def spoken_passages(
    text: str, spans: Sequence[TimedSpan], lengths: PassageLengths = LENGTHS
) -> Iterator[TextSpan]:
    """Yield the characters of each passage of a page, in order; together they have every word.

    `spans` are the words of `text` in their order. A page without words has no passage.
    """
    passage: list[TimedSpan] = []
    for sentence in _sentences(text, spans, lengths.max_ms):
        if passage and _ends(passage, sentence, lengths):
            yield TextSpan(passage[0].start, passage[-1].end)
            passage = []
        passage += sentence
    if passage:
        yield TextSpan(passage[0].start, passage[-1].end)


def _ends(
    passage: Sequence[TimedSpan], sentence: Sequence[TimedSpan], lengths: PassageLengths
) -> bool:
    pause = sentence[0].start_ms - passage[-1].end_ms
    if pause >= lengths.pause_ms and _duration(passage) >= lengths.min_ms:
        return True
    return sentence[-1].end_ms - passage[0].start_ms > lengths.max_ms


def _duration(words: Sequence[TimedSpan]) -> int:
    return words[-1].end_ms - words[0].start_ms


def _sentences(text: str, spans: Sequence[TimedSpan], max_ms: int) -> Iterator[list[TimedSpan]]:
    """Yield the words of each sentence, one that lasts longer than `max_ms` in pieces."""
    sentence: list[TimedSpan] = []
    for span in spans:
        if sentence and opens_sentence(text, sentence[-1], span):
            yield from _pieces(sentence, max_ms)
            sentence = []
        sentence.append(span)
    if sentence:
        yield from _pieces(sentence, max_ms)


def _pieces(words: list[TimedSpan], max_ms: int) -> Iterator[list[TimedSpan]]:
    """Yield `words`, cut at their longest silence, the pieces again, until none is too long."""
    waiting = [words]
    while waiting:
        piece = waiting.pop()
        if len(piece) == 1 or _duration(piece) <= max_ms:
            yield piece
            continue
        cut = max(range(1, len(piece)), key=lambda at: _silence(piece, at))
        waiting += [piece[cut:], piece[:cut]]


def _silence(words: Sequence[TimedSpan], at: int) -> tuple[int, int]:
    """Return the silence before word `at`; of two alike, that nearer to the middle is longer."""
    return words[at].start_ms - words[at - 1].end_ms, -abs(2 * at - len(words))
