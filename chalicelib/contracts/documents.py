"""Documents and their versions, as they are kept and shown.

A document's `status`, `reason`, `attempt` (how often it was tried) and `latest_version` tell of
the newest upload. Its other fields tell of `version`, the one that answers queries, which stays
until a newer is ready.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.metadata import Metadata
from chalicelib.contracts.receipts import Receipt

DocumentStatus = Literal["received", "processing", "ready", "rejected", "failed"]
VersionStatus = Literal["received", "processing", "ready", "rejected", "failed", "superseded"]
"""`superseded` is an upload that a newer one overtook before it could answer."""


class Document(Contract):
    """What `GET /v1/documents/{id}` shows."""

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
    receipt: Receipt | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


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
    settled_at: AwareDatetime | None = None
    cleared_at: AwareDatetime | None = None
