"""Captions of speech as WebVTT and SubRip, and its transcript as lines of text.

https://www.w3.org/TR/webvtt1/; SubRip as https://docs.fileformat.com/video/srt/ describes it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.page_times import clock_time

if TYPE_CHECKING:
    from chalicelib.contracts.speech import SpeechSegment

MAX_CHARACTERS = 84
"""Of a caption: two lines of 42, as broadcasters have it."""
MAX_MS = 7_000
"""The longest that a caption is shown, unless a single word is longer."""
MAX_LINE_MS = 20_000
"""A line ends with the segment that would make it last longer."""
_MIN_MS = 1
_SECOND, _MINUTE, _HOUR = 1_000, 60_000, 3_600_000
_BLANK_LINES = re.compile(r"\s*\n\s*")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class Cue:
    """A caption: text, and when it is shown, in milliseconds; `speaker` counts from 1."""

    start_ms: int
    end_ms: int
    text: str
    speaker: int | None = None


def cues(segments: Iterable[SpeechSegment]) -> list[Cue]:
    """Return the captions of speech, each short enough to be read, cut between words.

    A new speaker begins a new caption. Each is shown for a moment at least, and no two at once
    where the words allow it.
    """
    found: list[Cue] = []
    for segment in segments:
        if not segment.words:
            found.append(Cue(segment.start_ms, segment.end_ms, segment.text, segment.speaker))
            continue
        first = 0
        for number, word in enumerate(segment.words):
            text = "".join(each.text for each in segment.words[first : number + 1]).strip()
            before = segment.words[first].speaker
            lasts = word.end_ms - segment.words[first].start_ms
            other = None not in (word.speaker, before) and word.speaker != before
            if number > first and (len(text) > MAX_CHARACTERS or lasts > MAX_MS or other):
                found.append(_cue(segment, first, number))
                first = number
        found.append(_cue(segment, first, len(segment.words)))
    return [cue for cue in found if cue.text]


def _cue(segment: SpeechSegment, first: int, last: int) -> Cue:
    words = segment.words[first:last]
    text = "".join(word.text for word in words).strip()
    return Cue(words[0].start_ms, words[-1].end_ms, text, words[0].speaker)


def webvtt(captions: Sequence[Cue], *, voices: bool = False) -> str:
    """Return captions as a WebVTT file, with `voices` each in a span of its speaker's."""
    blocks = ["WEBVTT"]
    for cue in captions:
        text = "".join(_ESCAPES.get(character, character) for character in _lines(cue))
        voice = f"<v {speaker_name(cue.speaker)}>" if voices and cue.speaker else ""
        blocks.append(f"{_times(cue, '.')}\n{voice}{text}")
    return "\n\n".join(blocks) + "\n"


def subrip(captions: Sequence[Cue], *, voices: bool = False) -> str:
    """Return captions as a SubRip file, numbered from 1.

    With `voices`, where there are several, each begins with its speaker's name where that changes.
    """
    several = voices and len({cue.speaker for cue in captions}) > 1
    blocks = ""
    before: int | None = None
    for number, cue in enumerate(captions, 1):
        is_new = several and cue.speaker not in (None, before)
        name = f"{speaker_name(cue.speaker)}: " if is_new else ""
        before = cue.speaker
        text = _lines(cue).replace("-->", "->")
        blocks += f"{number}\n{_times(cue, ',')}\n{name}{text}\n\n"
    return blocks


def speaker_name(speaker: int | None) -> str:
    """Return what a speaker is called, by the number: nobody's name is known."""
    return f"Speaker {speaker}" if speaker else ""


def _lines(cue: Cue) -> str:
    return _BLANK_LINES.sub("\n", cue.text.strip())


def _times(cue: Cue, mark: str) -> str:
    end_ms = max(cue.end_ms, cue.start_ms + _MIN_MS)
    return f"{_time(cue.start_ms, mark)} --> {_time(end_ms, mark)}"


def _time(at_ms: int, mark: str) -> str:
    hours, rest = divmod(at_ms, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    seconds, milliseconds = divmod(rest, _SECOND)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{milliseconds:03}"


def transcript_lines(segments: Iterable[SpeechSegment]) -> Iterator[str]:
    """Yield some segments a line: in brackets when it begins and ends, the speaker, the text.

    A line is of one speaker, who says most of the words of its segments.
    """
    line: list[SpeechSegment] = []
    for segment in segments:
        if line and (
            segment.speaker != line[0].speaker or segment.end_ms - line[0].start_ms > MAX_LINE_MS
        ):
            yield _transcript_line(line)
            line = []
        line.append(segment)
    if line:
        yield _transcript_line(line)


def _transcript_line(segments: Sequence[SpeechSegment]) -> str:
    start, end = clock_time(segments[0].start_ms), clock_time(segments[-1].end_ms)
    name = speaker_name(segments[0].speaker)
    text = " ".join(" ".join(each.text for each in segments).split())
    return f"[{start}–{end}] {name}{': ' if name else ''}{text}"  # noqa: RUF001
