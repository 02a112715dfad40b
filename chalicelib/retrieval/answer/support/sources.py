"""Sources of a support check, cut into windows of whole sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.contracts.functions.check_support import CheckSource
from chalicelib.retrieval.text.parsed_text import ParsedText, parse_text
from chalicelib.retrieval.text.sentences import TextSpan, split_sentences

WINDOW = 480
"""The most characters of a window of more than one sentence; the head was learned on texts of 150
to 400."""


@dataclass(frozen=True, slots=True)
class ParsedSource:
    """A source with its parsed sentences and their spans."""

    id: int
    text: str
    spans: tuple[TextSpan, ...]
    sentences: tuple[ParsedText, ...]

    def quote(self, places: range) -> str:
        """Return the text of the sentences at `places`."""
        return self.text[self.spans[places[0]].start : self.spans[places[-1]].end]


@dataclass(frozen=True, slots=True)
class SourceWindow:
    """Neighbouring sentences of a source, by their places in it."""

    source: ParsedSource
    places: range

    @property
    def text(self) -> str:
        """Return the text from the first sentence's start to the last one's end."""
        return self.source.quote(self.places)

    def shares(self, stems: frozenset[str]) -> int:
        """Return how many of `stems` the window has."""
        words = (word for at in self.places for word in self.source.sentences[at].words)
        return len(stems & {word.stem for word in words})


def parse_source(source: CheckSource) -> ParsedSource:
    """Return a source with its sentences."""
    spans = tuple(split_sentences(source.text))
    sentences = tuple(parse_text(source.text[span.start : span.end]) for span in spans)
    return ParsedSource(source.id, source.text, spans, sentences)


def nearest_windows(
    sources: Sequence[ParsedSource],
    wanted: frozenset[str],
    asked: frozenset[str],
    limit: int,
) -> list[SourceWindow]:
    """Return at most `limit` windows of all sources, those that share most of `wanted` first.

    Among equals the one that shares more of `asked` comes first. Both are stems of words.
    """
    windows = [window for source in sources for window in cut_windows(source)]
    order = sorted(windows, key=lambda window: (-window.shares(wanted), -window.shares(asked)))
    return order[:limit]


def cut_windows(source: ParsedSource) -> Iterator[SourceWindow]:
    """Yield windows that overlap by half or less, and hold every sentence."""
    start, count = 0, len(source.spans)
    while start < count:
        end = start + 1
        while end < count and source.spans[end].end - source.spans[start].start <= WINDOW:
            end += 1
        yield SourceWindow(source, range(start, end))
        if end == count:
            return
        start = max(start + 1, end - (end - start) // 2)
