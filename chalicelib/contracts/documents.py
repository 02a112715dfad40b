"""Documents and their versions, as they are kept and shown.

A document's `status`, `reason`, `attempt` (how often it was tried) and `latest_version` tell of
the newest upload. Its other fields tell of `version`, the one that answers queries, which stays
until a newer is ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.metadata import Metadata
from chalicelib.contracts.receipts import Receipt

DocumentStatus = Literal["received", "processing", "ready", "rejected", "failed"]
VersionStatus = Literal["received", "processing", "ready", "rejected", "failed", "superseded"]
"""`superseded` is an upload that a newer one overtook before it could answer."""


class Progress(Contract):
    """The progress of a large file: the parts of the present `stage` that are done."""

    stage: Literal["reading", "embedding"]
    parts_done: int = Field(ge=0)
    parts_total: int = Field(ge=1)


class Document(Contract):
    """A document, as `GET /v1/documents/{id}` shows it."""

    document_id: str
    version: str = ""
    latest_version: str = ""
    collection: str
    path: str
    media_type: str = ""
    sha256: str = ""
    bytes: int = Field(default=0, ge=0)
    pages: int = Field(default=0, ge=0)
    pages_needing_ocr: int = Field(default=0, ge=0)
    chunks: int = Field(default=0, ge=0)
    language: str = ""
    members: int = Field(default=0, ge=0)
    container: str = ""
    notices: tuple[str, ...] = ()
    metadata: Metadata = Field(default_factory=dict)
    uploaded_at: AwareDatetime | None = None
    status: DocumentStatus
    reason: str = ""
    attempt: int = Field(default=1, ge=1)
    progress: Progress | None = None
    receipt: Receipt | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """When a document was last changed, and the fields by which lists are filtered."""

    document_id: str
    updated_at: datetime
    collection: str
    status: str


class Version(Contract):
    """One upload of one document. Its creation is the claim on the upload's event."""

    document_id: str
    version: str
    order: str
    collection: str
    path: str
    media_type: str = ""
    sha256: str = ""
    bytes: int = Field(default=0, ge=0)
    pages: int = Field(default=0, ge=0)
    pages_needing_ocr: int = Field(default=0, ge=0)
    chunks: int = Field(default=0, ge=0)
    language: str = ""
    members: int = Field(default=0, ge=0)
    container: str = ""
    notices: tuple[str, ...] = ()
    metadata: Metadata = Field(default_factory=dict)
    uploaded_at: AwareDatetime | None = None
    status: VersionStatus
    reason: str = ""
    receipt: Receipt | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime
    bucket: str
    key: str
    object_version_id: str
    execution_arn: str
    attempt: int = Field(ge=1)
    parts: int = Field(default=0, ge=0)
    parts_read: int = Field(default=0, ge=0)
    embedding_parts: int = Field(default=0, ge=0)
    parts_embedded: int = Field(default=0, ge=0)
    settled_at: AwareDatetime | None = None
    cleared_at: AwareDatetime | None = None

    @property
    def progress(self) -> Progress | None:
        """Return how far the work on it is, None where it is not done in parts."""
        if self.status != "processing" or not self.parts:
            return None
        if self.embedding_parts:
            done, total = self.parts_embedded, self.embedding_parts
            return Progress(stage="embedding", parts_done=done, parts_total=total)
        return Progress(stage="reading", parts_done=self.parts_read, parts_total=self.parts)


class DocumentList(Contract):
    """One page of documents; `next_cursor` is opaque, and None at the end."""

    items: tuple[Document, ...]
    next_cursor: str | None
