"""Shots of a part of a film: what is shown in them, and what can be read on screen."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.page_times import Milliseconds
from chalicelib.contracts.picture_labels import Labels

MAX_FRAMES = 60
"""Frames of one part that are looked at: what two functions do within the minutes of a child."""


class FilmShot(Contract):
    """One line of `shots.jsonl`: a stretch of the film, and the number of the frame that shows it.

    Several shots may have one frame: what looks alike is looked at once.
    """

    start_ms: Milliseconds
    end_ms: Milliseconds
    frame: int = Field(ge=1)


class FrameText(Contract):
    """One line of `screen.jsonl`: the text that is read in a frame, "" if there is none."""

    frame: int = Field(ge=1)
    text: str = ""
    confidence: float = Field(default=0.0, ge=0, le=1)


class FrameLabels(Contract):
    """One line of `seen.jsonl`: what is seen in a frame."""

    frame: int = Field(ge=1)
    labels: Labels


class PartPlace(Contract):
    """The place of a part of a document."""

    tenant: str
    document_id: str
    version: str
    bucket: str
    correlation_id: str
    part: int = Field(ge=1)


class FindShotsRequest(PartPlace):
    """The input of `read_media` for one part of a film, from `start_ms` to `end_ms` of it.

    `is_copied` says that the part's own frames lie beside it, so that the whole is not needed.
    """

    start_ms: Milliseconds
    end_ms: Milliseconds
    is_copied: bool = False


class FindShotsResult(Contract):
    """The output of `read_media` for one part: it wrote `shots.jsonl` and the `frames`."""

    shots: int = Field(ge=0)
    frames: int = Field(ge=0, le=MAX_FRAMES)
    decoding: Spent


class ReadFramesRequest(PartPlace):
    """The input of `recognise_pages` for a part of a film, from frame `first` to `frames`."""

    frames: int = Field(ge=1, le=MAX_FRAMES)
    first: int = Field(default=1, ge=1)


class ReadFramesResult(Contract):
    """The output of `recognise_pages` for frames: `first` is what the next call begins with.

    It is one more than the number of frames once all are read.
    """

    first: int = Field(ge=1)
    recognising: Spent


class LabelFramesRequest(PartPlace):
    """The input of `label_picture` for the frames of a part of a film."""

    frames: int = Field(ge=1, le=MAX_FRAMES)


class LabelFramesResult(Contract):
    """The output of `label_picture` for frames: it wrote `seen.jsonl`."""

    labelling: Spent
