"""Times of passages of recordings, and of the quotes within them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from chalicelib.contracts.page_times import PageTimes, TimedSpan, Timeline, TimePoint

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import Chunk, Page
    from chalicelib.contracts.search import Hit

MAX_POINTS = 40
"""Sentences of a passage that have a time of their own: their metadata stays below 700 bytes.

Filterable metadata of a vector may have 2 KB:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""
SENTENCE_ENDS = (".", "!", "?", "…", "。", "！", "？")  # noqa: RUF001 - of Chinese and Japanese


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Milliseconds of a recording, and who speaks in them, None if several or none are known."""

    start_ms: int
    end_ms: int
    speaker: int | None = None


def timed_chunks(
    chunks: Iterable[Chunk], pages: Sequence[Page], times: Sequence[PageTimes]
) -> Iterator[Chunk]:
    """Yield `chunks` of a recording with the times of their words.

    What no word is heard or shown for, such as the description at its beginning, is of the whole
    page's time.
    """
    texts: Mapping[int, str] = {page.page: page.text for page in pages}
    described_ends = {page.page: page.described for page in pages}
    by_page = {each.page: each for each in times}
    for chunk in chunks:
        page = by_page[chunk.page]
        described = chunk.end <= described_ends[chunk.page]
        spans = _within(page.spans, chunk.start, chunk.end)
        if not spans:
            whole = {"start_ms": page.start_ms, "end_ms": page.end_ms, "described": described}
            yield chunk.model_copy(update=whole)
            continue
        yield chunk.model_copy(
            update={
                "start_ms": min(span.start_ms for span in spans),
                "end_ms": max(span.end_ms for span in spans),
                "timeline": tuple(_points(texts[chunk.page], spans))[:MAX_POINTS],
            }
        )


def _within(spans: Sequence[TimedSpan], start: int, end: int) -> Sequence[TimedSpan]:
    """Return the spans that share a character with `start` to `end`; spans are in order."""
    first = bisect_right(spans, start, key=attrgetter("end"))
    return spans[first : bisect_left(spans, end, key=attrgetter("start"))]


def _points(text: str, spans: Sequence[TimedSpan]) -> Iterator[TimePoint]:
    """Yield where sentences and lines begin, and where another voice does."""
    before: TimedSpan | None = None
    for span in spans:
        if before is None or opens_sentence(text, before, span) or span.speaker != before.speaker:
            yield TimePoint(at=span.start, ms=span.start_ms, speaker=span.speaker)
        before = span


def opens_sentence(text: str, before: TimedSpan, span: TimedSpan) -> bool:
    """Return whether a sentence or a line of `text` begins between a word and the next one."""
    between = text[before.end : span.start]
    return "\n" in between or text[before.start : before.end].rstrip().endswith(SENTENCE_ENDS)


def quote_time(passage: Hit, start: int, end: int) -> TimeRange | None:
    """Return when characters `start` to `end` of a passage's page are heard or shown.

    To the sentence: from the beginning of that which `start` is in, to that of the first one
    behind `end`. None if the passage is not of a recording.
    """
    if passage.start_ms is None or passage.end_ms is None:
        return None
    characters = [point.at for point in passage.timeline]
    first = bisect_right(characters, start) - 1
    behind = bisect_left(characters, end)
    begins = passage.timeline[first].ms if first >= 0 else passage.start_ms
    ends = passage.timeline[behind].ms if behind < len(characters) else passage.end_ms
    speakers = {point.speaker for point in passage.timeline[max(0, first) : behind]}
    return TimeRange(begins, max(begins, ends), speakers.pop() if len(speakers) == 1 else None)


def joined_timeline(one: Timeline, other: Timeline) -> Timeline:
    """Return the timeline of two passages of one page."""
    points = {point.at: point for point in (*one, *other)}
    return tuple(points[at] for at in sorted(points))[: 2 * MAX_POINTS]
