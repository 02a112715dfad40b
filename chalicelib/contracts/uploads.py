"""Files that go in: announcing one, the form that uploads it, running a failed one again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AwareDatetime, Field, JsonValue, WithJsonSchema

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.metadata import METADATA_SCHEMA
from chalicelib.contracts.names import MAX_PATH_CHARACTERS, Collection, MediaType


class CreateDocumentRequest(HttpInput):
    """`POST /v1/documents`: announce a file of `bytes` bytes and get a place to upload it."""

    path: str = Field(min_length=1, max_length=MAX_PATH_CHARACTERS)
    bytes: int = Field(ge=0, json_schema_extra={"minimum": 1})
    collection: Collection = "default"
    media_type: MediaType | None = None
    metadata: Annotated[dict[str, JsonValue], WithJsonSchema(dict(METADATA_SCHEMA))] = Field(
        default_factory=dict
    )
    """Metadata of the document, up to 1,024 bytes as JSON."""


class PresignedUpload(Contract):
    """The address and the form fields by which a file is uploaded with POST."""

    url: str
    fields: dict[str, str]


class CreateDocumentResponse(Contract):
    """The answer to `POST /v1/documents`."""

    document_id: str
    upload: PresignedUpload
    expires_at: AwareDatetime


class RetryDocumentRequest(HttpInput):
    """`POST /v1/documents/{document_id}/retry`: the body may be left out; it says nothing."""


@dataclass(frozen=True, slots=True)
class Download:
    """A downloaded object: the SHA-256 of what was written, in hex, and its size in bytes."""

    sha256: str
    size: int
