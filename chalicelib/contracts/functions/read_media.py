"""Input and output of the function `read_media`, for a document and for a call."""

from __future__ import annotations

from pydantic import Base64Bytes, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.parts import MAX_PARTS


class ReadMediaRequest(Contract):
    """The input of `read_media`: a recording whose copy is the version's `source`."""

    tenant: str
    document_id: str
    version: str
    bucket: str
    path: str
    correlation_id: str
    notices: tuple[str, ...] = ()
    transcriber: str = ""


class ReadMediaResult(Contract):
    """The output of `read_media`: `parts` counts the lines of `parts.jsonl`.

    `media_type` is that of the streams that the file has, and `duration_ms` its measured length.
    """

    media_type: str
    duration_ms: int = Field(ge=1)
    parts: int = Field(ge=1, le=MAX_PARTS)
    pages: int = Field(ge=1)
    notices: tuple[str, ...] = ()
    decoding: Spent


class DecodeSoundRequest(Contract):
    """The input of `read_media` for a call: a sound or film file by its bytes.

    Sound from `start_ms` on is returned, up to a pause within two minutes.
    """

    data: Base64Bytes
    start_ms: int = Field(default=0, ge=0)
    correlation_id: str = ""


class DecodedSound(Contract):
    """The output of `read_media` for a call: sound from the request's `start_ms` on.

    `sound` is signed 16-bit samples, little-endian, one channel, 16 kHz. `ends_ms` are pauses in
    it, at most 30 s apart, in milliseconds from its beginning; the last is its end. `is_last` says
    that the recording ends there.
    """

    sound: Base64Bytes
    ends_ms: tuple[int, ...]
    is_last: bool
    seconds: float = Field(ge=0)
