"""Extractions: values that were read from a document by a JSON Schema, each with its evidence.

A value without evidence does not exist: what a document does not say is null. The objects of an
extraction lie with the version of the document that it read, and go when that goes:
`documents/{tenant}/{document_id}/{version}/extractions/{ulid}/`.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import AwareDatetime, Field, WithJsonSchema

from chalicelib.contracts.base import AnyJson, Contract
from chalicelib.contracts.calibrations import CalibrationVersion
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.extraction_models import FieldChoices
from chalicelib.contracts.receipts import Receipt

EXTRACTION_PATTERN = r"^ext_[a-z0-9]{24}_[0-9A-HJKMNP-TV-Z]{26}$"
MAX_REASONS = 20
MAX_SHOWN_FIELDS = 500
"""Fields that an extraction is shown with; the others are had in pages."""

MAX_CANDIDATES = 3
"""Values that a null is shown with."""

Confidence = Annotated[float, Field(ge=0, le=1)]
ReadStatus = Literal["complete", "partial", "needs_review"]
ExtractionStatus = Literal["complete", "partial", "needs_review", "reviewed", "rejected"]
"""`partial` lacks rows of a list, or pages; a person `reviewed` or `rejected` it."""
ReadingMethod = Literal["ranker", "table", "model"]
"""How a field was read: outside lists by the ranker of spans, in a list by its table, or by a
language model that chose among the ranker's spans."""
OPEN_TO_REVIEW: frozenset[ExtractionStatus] = frozenset({"partial", "needs_review"})
"""The statuses of extractions that wait in the queue of reviews."""
OPEN_TO_CLAIMS: frozenset[ExtractionStatus] = OPEN_TO_REVIEW | {"complete"}
"""The statuses of extractions that may be claimed by their id: a sure value may be wrong, too."""


class EvidenceBox(NamedTuple):
    """Edges of a box on a page, from its top left corner: points, and pixels of a picture."""

    left: float
    top: float
    right: float
    bottom: float


EvidenceBoxes = Annotated[
    tuple[EvidenceBox, ...],
    WithJsonSchema(
        {
            "description": "Boxes by their left, top, right and bottom edges.",
            "type": "array",
            "items": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
        }
    ),
]


class FieldEvidence(Contract):
    """Characters `start` to `end` of a page's text, and a box for each line that they stand on.

    A format without geometry, such as HTML, has no boxes.
    """

    page: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=0)
    boxes: EvidenceBoxes = ()


class CandidateValue(Contract):
    """A value that a field may have and is not sure enough to be given: what a reviewer picks from.

    `raw` is the text that it was read from, and `confidence` the probability that it is right.
    """

    value: AnyJson
    raw: str
    confidence: Confidence
    evidence: tuple[FieldEvidence, ...]


class ExtractedField(Contract):
    """A leaf of the values, by its JSON Pointer: one line of `fields.jsonl`.

    `raw` is the text that it was read from, and `confidence` the calibrated probability that
    `value` is right. A `derived` value, such as an enum's, cites the text that it was told from.
    Where the document has none, `value` is null and there is no evidence. `method` is how it was
    read. `candidates` are there of a field outside lists that is null and not surely so: the
    likeliest values that were not sure enough, the likeliest first. They are no part of the values.
    """

    pointer: str
    value: AnyJson = None
    raw: str = ""
    confidence: Confidence
    evidence: tuple[FieldEvidence, ...] = ()
    derived: bool = False
    method: ReadingMethod = "ranker"
    candidates: Annotated[tuple[CandidateValue, ...], Field(max_length=MAX_CANDIDATES)] = ()


class CountDifference(Contract):
    """A page on which the rows of a list and their second count differ, and how."""

    page: int = Field(ge=1)
    reason: str


class ExtractedList(Contract):
    """How complete a list is: its rows, and those that were counted in a second way."""

    pointer: str
    rows: int = Field(ge=0)
    counted: int = Field(ge=0)
    complete: bool
    differences: tuple[CountDifference, ...] = ()


class CheckedRule(Contract):
    """A rule of the schema with both its sides; `holds` is null where a value is missing."""

    rule: str
    holds: bool | None
    left: AnyJson = None
    right: AnyJson = None
    pointers: tuple[str, ...] = ()


class Extraction(Contract):
    """The values of one document: valid by the schema, and null where the document says none.

    `reasons` tell a person why it is partial or needs a review.
    """

    status: ReadStatus
    values: dict[str, AnyJson]
    fields: tuple[ExtractedField, ...] = ()
    lists: tuple[ExtractedList, ...] = ()
    rules: tuple[CheckedRule, ...] = ()
    reasons: tuple[str, ...] = ()


class ExtractionFacts(Contract):
    """An extraction in short, as it is listed.

    It read `pages` pages from `first_page` on: all, unless it is of a document within a packet.
    `fields` counts its leaves, `found` those with a value, and `lowest_confidence` is the least of
    any. `extractor` is the saved extractor's name and version, "" of a schema that came with the
    request. `job_id` is set of an extraction that is part of a job. `calibration` is the version of
    the extractor's calibration that confidences went through. `choices` are there if a language
    model was to be asked.
    """

    extraction_id: str
    document_id: str
    version: str
    collection: str
    path: str
    extractor: str = ""
    schema_sha256: str
    calibration: CalibrationVersion = 0
    job_id: str = ""
    status: ExtractionStatus
    reasons: tuple[str, ...] = Field(default=(), max_length=MAX_REASONS)
    first_page: int = Field(default=1, ge=1)
    pages: int = Field(ge=0)
    fields: int = Field(ge=0)
    found: int = Field(ge=0)
    lowest_confidence: Confidence
    created_at: AwareDatetime
    updated_at: AwareDatetime
    choices: FieldChoices | None = None
    receipt: Receipt


class ExtractionView(ExtractionFacts):
    """An extraction as the API shows it, with at most 500 of its fields.

    `values` are those of the review, once there was one, and so are the fields' values.
    `json_schema` is the schema that came with the request; that of a saved extractor is had from
    the version that `extractor` names.
    """

    values: dict[str, AnyJson]
    json_schema: dict[str, AnyJson] | None = None
    shown_fields: tuple[ExtractedField, ...] = ()
    lists: tuple[ExtractedList, ...] = ()
    rules: tuple[CheckedRule, ...] = ()


class ExtractionResult(Contract):
    """`result.json`: an extraction less its fields, which are lines of `fields.jsonl`."""

    facts: ExtractionFacts
    values: dict[str, AnyJson]
    lists: tuple[ExtractedList, ...] = ()
    rules: tuple[CheckedRule, ...] = ()


class ExtractionList(Contract):
    """One page of extractions, by document; `next_cursor` is None at the end."""

    items: tuple[ExtractionFacts, ...]
    next_cursor: str | None


class ExtractedFieldList(Contract):
    """One page of the fields of an extraction, in the order of the schema."""

    items: tuple[ExtractedField, ...]
    next_cursor: str | None


class ExtractionFile(Contract):
    """A file of an extraction, to be had at `url` until `expires_at`."""

    name: str
    url: str
    expires_at: AwareDatetime


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
