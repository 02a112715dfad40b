"""The details of the events on the bus `headrace`. JSON Schemas lie in `docs/events`."""

from __future__ import annotations

from typing import ClassVar, Protocol

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.receipts import Receipt

EVENT_SOURCE = "headrace"


class BusEvent(Contract):
    """An event for the bus: its detail, and its type."""

    detail_type: ClassVar[str]


class DocumentEvent(BusEvent):
    """Fields of every event about a document. `time` is RFC 3339 in UTC."""

    tenant: str
    document_id: str
    version: str
    collection: str
    path: str
    correlation_id: str
    time: AwareDatetime


class DocumentReady(DocumentEvent):
    """A version answers queries from now on."""

    detail_type: ClassVar[str] = "document.ready"

    media_type: str
    sha256: str
    bytes: int = Field(ge=1)
    pages: int = Field(ge=1)
    pages_needing_ocr: int = Field(ge=0)
    chunks: int = Field(ge=1)
    receipt: Receipt


class DocumentRejected(DocumentEvent):
    """A version cannot be read; `reason` tells its owner what to do about it."""

    detail_type: ClassVar[str] = "document.rejected"

    error: str
    reason: str


class DocumentFailed(DocumentEvent):
    """A version could not be processed for a reason that is ours, not its owner's."""

    detail_type: ClassVar[str] = "document.failed"

    error: str
    reason: str


class EventBus(Protocol):
    """The bus that subscribers listen to."""

    def publish(self, event: BusEvent) -> None:
        """Put an event on the bus; it is accepted on return."""
