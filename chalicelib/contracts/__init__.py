"""What crosses a process boundary: requests, events, state inputs and outputs, receipts.

Every contract is a frozen pydantic model. Only the bodies of our own HTTP API refuse unknown
fields; events and state documents gain fields over time, so their readers ignore what they
do not know.
"""

from __future__ import annotations

from chalicelib.contracts.api import (
    AskRequest,
    AskResponse,
    Citation,
    Claim,
    CreateDocumentRequest,
    CreateDocumentResponse,
    DocumentList,
    ErrorBody,
    ErrorDetail,
    PresignedUpload,
    RetryDocumentRequest,
    Tier,
    Turn,
)
from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.documents import Document, DocumentStatus, Version, VersionStatus
from chalicelib.contracts.events import (
    EVENT_SOURCE,
    DocumentFailed,
    DocumentReady,
    DocumentRejected,
)
from chalicelib.contracts.ingest import (
    Chunk,
    ChunkRequest,
    ChunkResult,
    EmbedRequest,
    EmbedResult,
    EmbedTextRequest,
    EmbedTextResult,
    IngestInput,
    Page,
    ReadRequest,
    ReadResult,
    RecogniseRequest,
    RecogniseResult,
    Spent,
    VectorMetadata,
)
from chalicelib.contracts.receipts import Dollars, NextDearer, Receipt, ReceiptLine
from chalicelib.contracts.searching import Hit, SearchRequest, SearchResponse
from chalicelib.contracts.support import (
    CheckRequest,
    CheckResult,
    CheckSource,
    ClaimVerdict,
    Doubt,
)

__all__ = [
    "EVENT_SOURCE",
    "AskRequest",
    "AskResponse",
    "CheckRequest",
    "CheckResult",
    "CheckSource",
    "Chunk",
    "ChunkRequest",
    "ChunkResult",
    "Citation",
    "Claim",
    "ClaimVerdict",
    "Contract",
    "CreateDocumentRequest",
    "CreateDocumentResponse",
    "Document",
    "DocumentFailed",
    "DocumentList",
    "DocumentReady",
    "DocumentRejected",
    "DocumentStatus",
    "Dollars",
    "Doubt",
    "EmbedRequest",
    "EmbedResult",
    "EmbedTextRequest",
    "EmbedTextResult",
    "ErrorBody",
    "ErrorDetail",
    "Hit",
    "HttpInput",
    "IngestInput",
    "NextDearer",
    "Page",
    "PresignedUpload",
    "ReadRequest",
    "ReadResult",
    "Receipt",
    "ReceiptLine",
    "RecogniseRequest",
    "RecogniseResult",
    "RetryDocumentRequest",
    "SearchRequest",
    "SearchResponse",
    "Spent",
    "Tier",
    "Turn",
    "VectorMetadata",
    "Version",
    "VersionStatus",
]
