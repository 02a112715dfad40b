"""Requests for extractions: bodies of `/v1/extractions` and `/v1/extractors`, and their jobs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, JsonValue, model_validator

from chalicelib.contracts.base import AnyJson, Contract
from chalicelib.contracts.batches import ItemError, RoundsCheckpoint
from chalicelib.contracts.extraction_models import MODEL_GIVEN, ModelInput, ModelTerms
from chalicelib.contracts.extractions import Confidence, ExtractionStatus
from chalicelib.contracts.names import Collection

DOCUMENT_PATTERN = r"^doc_[a-z0-9]{24}$"
EXTRACTOR_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MAX_SCHEMA_BYTES = 64 * 1024
MAX_DOCUMENTS = 1_000
"""Documents that a request names; a collection may have more."""
MAX_DIRECT_PAGES = 10
"""Pages of a document that a request waits for; a longer one is a job."""
MAX_DIRECT_FIELDS = 500
"""Fields of the schema times pages that a request waits for: 13 s of a core, of the API's 29 s."""
MAX_VERSIONS = 1_000
MAX_EXTRACTORS = 8
"""Extractors of which a request may have one chosen for each document."""

ExtractorName = Annotated[str, Field(pattern=EXTRACTOR_PATTERN)]
ExtractorReference = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}(@([1-9][0-9]{0,2}|1000))?$")
]
"""A saved extractor by its name: its newest version, or that behind an @."""
DocumentId = Annotated[str, Field(pattern=DOCUMENT_PATTERN)]
SchemaSource = Annotated[dict[str, AnyJson], Field(min_length=1)]

_BY_WHAT: list[JsonValue] = [
    {
        "properties": {"json_schema": {"type": "object"}, "version": {"type": "null"}},
        "required": ["json_schema"],
    },
    {"properties": {"extractor": {"type": "string"}}, "required": ["extractor"]},
    {
        "properties": {"extractors": {"minItems": 1}, "version": {"type": "null"}},
        "required": ["extractors"],
    },
]
_OF_WHAT: list[JsonValue] = [
    {"properties": {"document_ids": {"minItems": 1}}, "required": ["document_ids"]},
    {"properties": {"collection": {"type": "string"}}, "required": ["collection"]},
]


class ExtractionTerms(Contract):
    """The schema to extract by, and the saved extractor that it is of, as `NAME@VERSION`.

    With `model`, a language model is asked about fields that stay open.
    """

    json_schema: SchemaSource
    schema_sha256: str
    extractor: str = ""
    model: ModelTerms | None = None


class CreateExtractionRequest(ModelInput):
    """`POST /v1/extractions`: a schema or a saved extractor, and documents or a collection.

    One document of at most 10 pages, and at most 500 fields times pages, is read at once, unless
    `background` is set; everything else is a job. `version` is that of the extractor, its newest if
    it is left out.

    `split` takes each document as a packet, a file of several documents one after the other, and
    extracts from each of these. Of `extractors` the one that fits best is chosen for each. Either
    is a job.

    With `model`, a language model of at least the tier `quality` is asked about the fields that
    stay open, for at most `budget` dollars a document; without, that of the saved extractor, if it
    has one.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [{"oneOf": _BY_WHAT}, {"oneOf": _OF_WHAT}],
            "dependentRequired": MODEL_GIVEN,
        }
    )

    json_schema: SchemaSource | None = None
    extractor: ExtractorName | None = None
    version: Annotated[int, Field(ge=1, le=MAX_VERSIONS)] | None = None
    extractors: Annotated[
        tuple[ExtractorReference, ...],
        Field(max_length=MAX_EXTRACTORS, json_schema_extra={"uniqueItems": True}),
    ] = ()
    split: bool = False
    document_ids: Annotated[
        tuple[DocumentId, ...],
        Field(max_length=MAX_DOCUMENTS, json_schema_extra={"uniqueItems": True}),
    ] = ()
    collection: Collection | None = None
    background: bool = False

    @model_validator(mode="after")
    def _is_one_of_each(self) -> Self:
        by_what = (self.json_schema is not None, self.extractor is not None, bool(self.extractors))
        if sum(by_what) != 1:
            raise ValueError("give one of json_schema, extractor, and extractors")
        if len(set(self.extractors)) != len(self.extractors):
            raise ValueError("extractors names one twice")
        if self.version is not None and self.extractor is None:
            raise ValueError("a version is that of an extractor; name it")
        if bool(self.document_ids) == (self.collection is not None):
            raise ValueError("give either document_ids or a collection")
        if len(set(self.document_ids)) != len(self.document_ids):
            raise ValueError("document_ids names a document twice")
        return self


class PutExtractorRequest(ModelInput):
    """`PUT /v1/extractors/{name}`: the next version of an extractor; the same one adds none.

    With `model`, its extractions ask a language model about fields that stay open, wherever they
    are asked for: by a request, a collection or a schedule.
    """

    model_config = ConfigDict(json_schema_extra={"dependentRequired": MODEL_GIVEN})

    json_schema: SchemaSource
    description: str = Field(default="", max_length=500)


class CreateExtractorRequest(PutExtractorRequest):
    """`POST /v1/extractors`: a new extractor."""

    name: ExtractorName


class Extractor(Contract):
    """A saved extractor: its newest version, and when it came."""

    name: str
    version: int = Field(ge=1)
    description: str = ""
    schema_sha256: str
    model: ModelTerms | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime


class ExtractorVersion(Extractor):
    """One version of a saved extractor, with its schema."""

    json_schema: SchemaSource


class ExtractorList(Contract):
    """One page of extractors, by name; `next_cursor` is None at the end."""

    items: tuple[Extractor, ...]
    next_cursor: str | None


class DocumentItem(Contract):
    """One line of `items.jsonl`: item `n` is a document."""

    n: int = Field(ge=0)
    document_id: str


class ExtractionInput(Contract):
    """`extraction.json`: the terms of a job, and the documents that it was given, if any were.

    With `others`, the terms that fit best are chosen for each document; `split` takes each as a
    packet. `version` is the only one that a job of one document
    reads, "" for the one that answers. `key` is the API key by which models are paid for.
    """

    terms: ExtractionTerms
    others: tuple[ExtractionTerms, ...] = ()
    split: bool = False
    document_ids: tuple[str, ...] = ()
    collection: str = ""
    version: str = ""
    key: str = ""


class ExtractionCheckpoint(RoundsCheckpoint):
    """How far a job has come, and the last error of its children."""

    phase: Literal["extracting", "done"] = "extracting"
    error: str = ""


class PartOutcome(Contract):
    """The outcome of one document within a packet: its extraction, or the error if there is none.

    `confidence` is how sure it is that it begins and ends on these pages.
    """

    first_page: int = Field(ge=1)
    last_page: int = Field(ge=1)
    confidence: Confidence
    extraction_id: str = ""
    version: str = ""
    status: ExtractionStatus | None = None
    error: ItemError | None = None


class DocumentOutcome(Contract):
    """The outcome of one document of a job: its extraction, or the error if there is none.

    It has both where a language model was to be asked and failed: the job's retry asks it again.

    One whose terms were chosen, or that was split, has `parts` in the place of an extraction.
    """

    n: int = Field(ge=0)
    document_id: str
    extraction_id: str = ""
    version: str = ""
    status: ExtractionStatus | None = None
    error: ItemError | None = None
    parts: tuple[PartOutcome, ...] = ()


class DocumentValues(Contract):
    """A line of `results.jsonl`: a document's values, or its error in `errors.jsonl`.

    An error of a language model has the values that were read without it.

    Of a document within a packet, the pages say which one it is, and `split_confidence` how sure it
    is that it begins and ends there.
    """

    document_id: str
    path: str = ""
    first_page: int | None = None
    last_page: int | None = None
    split_confidence: Confidence | None = None
    extractor: str = ""
    extraction_id: str = ""
    status: ExtractionStatus | None = None
    lowest_confidence: float | None = None
    reasons: tuple[str, ...] = ()
    values: dict[str, AnyJson] | None = None
    error: ItemError | None = None


class ExtractionSummary(Contract):
    """`summary.json` of a job: how many documents, and those within packets, have which status."""

    job_id: str
    extractor: str
    schema_sha256: str
    counts: dict[str, int]
    statuses: dict[str, int]
