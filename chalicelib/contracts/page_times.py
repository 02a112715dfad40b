"""Times of the words of a page of a recording: a line of `times.jsonl` for each page."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.picture_labels import Labels

Milliseconds = Annotated[int, Field(ge=0)]
"""A time from the beginning of a recording."""


class TimedSpan(NamedTuple):
    """Characters `start` to `end` of a page's text, and when they are heard or shown.

    `confidence` is that of the model that heard or read them, 0 to 1. `speaker` counts from 1.
    """

    start: int
    end: int
    start_ms: int
    end_ms: int
    confidence: float | None = None
    speaker: int | None = None


class ShownBlock(Contract):
    """Characters `start` to `end` of a page: what is seen in shots, up to `seen_end`, then read."""

    start: int = Field(ge=0)
    seen_end: int = Field(ge=0)
    end: int = Field(ge=0)
    start_ms: Milliseconds
    end_ms: Milliseconds
    labels: Labels = ()


class PageTimes(Contract):
    """One line of `times.jsonl`, in the order of `pages.jsonl`.

    The page has what is spoken from `start_ms` to `end_ms` of the recording, word by word, as
    `spans`; or what is on `screen` then, as `blocks`.
    """

    page: int = Field(ge=1)
    kind: Literal["speech", "screen"]
    start_ms: Milliseconds
    end_ms: Milliseconds
    spans: tuple[TimedSpan, ...] = ()
    blocks: tuple[ShownBlock, ...] = ()


class TimePoint(Contract):
    """The character of a page at which a sentence begins, when it does, and who says it."""

    at: int = Field(ge=0)
    ms: Milliseconds
    speaker: int | None = Field(default=None, ge=1, exclude_if=is_none)


Timeline = tuple[TimePoint, ...]


_POINT = ("at", "ms", "speaker")


def dump_timeline(timeline: Timeline) -> str:
    """Return a timeline as metadata of a vector has it, such as `0:12500:1 41:15250:2`."""
    return " ".join(
        ":".join(str(value) for value in (point.at, point.ms, point.speaker) if value is not None)
        for point in timeline
    )


def parse_timeline(text: str) -> Timeline:
    """Return the timeline that `dump_timeline` wrote; raise ValueError of any other text."""
    points = ([int(value) for value in point.split(":")] for point in text.split())
    return tuple(TimePoint(**dict(zip(_POINT, point, strict=False))) for point in points)


def clock_time(milliseconds: int) -> str:
    """Return a time of a recording as `HH:MM:SS`, its last second cut."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}"
