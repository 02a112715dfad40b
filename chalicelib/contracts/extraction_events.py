"""Events of extractions."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AwareDatetime

from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.extractions import Confidence


class ExtractionEvent(BusEvent):
    """Fields of every event about an extraction. `time` is RFC 3339 in UTC."""

    tenant: str
    extraction_id: str
    document_id: str
    version: str
    collection: str
    extractor: str
    job_id: str
    lowest_confidence: Confidence
    correlation_id: str
    time: AwareDatetime


class ExtractionReady(ExtractionEvent):
    """An extraction is complete, or a person has reviewed it."""

    detail_type: ClassVar[str] = "extraction.ready"

    status: Literal["complete", "reviewed"]


class ExtractionNeedsReview(ExtractionEvent):
    """An extraction is partial or doubtful: a person should look at it."""

    detail_type: ClassVar[str] = "extraction.needs_review"

    status: Literal["partial", "needs_review"]
    reasons: tuple[str, ...]
