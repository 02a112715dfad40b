"""The transcript of a recording as text: lines with their times and speakers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.contracts.page_times import clock_time
from chalicelib.documents.captions import speaker_name

if TYPE_CHECKING:
    from chalicelib.contracts.speech import SpeechSegment

MAX_LINE_MS = 20_000
"""A line ends with the segment that would make it last longer."""


def transcript_lines(segments: Iterable[SpeechSegment]) -> Iterator[str]:
    """Yield some segments a line: in brackets when it begins and ends, the speaker, the text.

    A line is of one speaker, who says most of the words of its segments.
    """
    line: list[SpeechSegment] = []
    for segment in segments:
        if line and (
            segment.speaker != line[0].speaker or segment.end_ms - line[0].start_ms > MAX_LINE_MS
        ):
            yield _line(line)
            line = []
        line.append(segment)
    if line:
        yield _line(line)


def _line(segments: Sequence[SpeechSegment]) -> str:
    start, end = clock_time(segments[0].start_ms), clock_time(segments[-1].end_ms)
    name = speaker_name(segments[0].speaker)
    text = " ".join(" ".join(each.text for each in segments).split())
    return f"[{start}–{end}] {name}{': ' if name else ''}{text}"  # noqa: RUF001
