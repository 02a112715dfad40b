"""Input and output of the function `read_media`."""

from __future__ import annotations

from pydantic import Field

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
