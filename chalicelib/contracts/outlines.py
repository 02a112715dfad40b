"""The outline of a recording: its chapters, and the sentences that sum it up."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.page_times import Milliseconds


class SpokenSentence(Contract):
    """A sentence that is said from `start_ms` to `end_ms`; `speaker` counts from 1."""

    start_ms: Milliseconds
    end_ms: Milliseconds
    text: str
    speaker: int | None = Field(default=None, ge=1, exclude_if=is_none)


class Chapter(Contract):
    """A stretch of a recording in which the same words return.

    Attributes:
        start_ms: Where it begins, in milliseconds; `end_ms` is where the next one does.
        title: The words that are used more in it than elsewhere in the recording.
        summary: The sentences that have most in common with its others, in order.
    """

    start_ms: Milliseconds
    end_ms: Milliseconds
    title: str
    summary: tuple[SpokenSentence, ...] = ()


class Outline(Contract):
    """The number of speakers of a recording, and its chapters, none if nobody speaks."""

    speakers: int = Field(default=0, ge=0)
    chapters: tuple[Chapter, ...] = ()
