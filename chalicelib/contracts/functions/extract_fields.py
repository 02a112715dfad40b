"""Input and output of the function `extract_fields`, asked about documents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.batches import GenerateItemsInput, ItemError
from chalicelib.contracts.calibrations import FieldGroup, LabelAttempt
from chalicelib.contracts.extraction_orders import DocumentItem, ExtractionTerms
from chalicelib.contracts.extractions import ExtractionStatus

MAX_DOCUMENT_SECONDS = 240.0
"""For how long a document is read; the function has 280 s, with opening models and writing."""
MAX_MODEL_SECONDS = 100.0
"""For how long language models may be asked about a document, within the seconds that it has."""


class ReadPages(Contract):
    """Pages of a document, from 1, both included."""

    first: int = Field(ge=1)
    last: int = Field(ge=1)


class ExtractDocumentRequest(Contract):
    """The input of `extract_fields`: the version of a document that answers, and the terms.

    `version` is the only one that is read, "" for any; `pages` are those that are, None for all.
    Reading may take `seconds`, of which `model_seconds` at most are for language models. `key` is
    the API key by which they are paid for, "" for none.
    """

    tenant: str
    bucket: str
    extraction_id: str
    document_id: str
    terms: ExtractionTerms
    version: str = ""
    pages: ReadPages | None = None
    job_id: str = ""
    key: str = ""
    correlation_id: str
    seconds: float = Field(default=MAX_DOCUMENT_SECONDS, gt=0)
    model_seconds: float = Field(default=MAX_MODEL_SECONDS, gt=0)


class ExtractDocumentResult(Contract):
    """The output of `extract_fields`: where the extraction is, and how it went.

    `error` is that of a language model which may answer when it is asked again.
    """

    extraction_id: str
    version: str
    status: ExtractionStatus
    prefix: str
    error: ItemError | None = None


class ExtractDocumentsRequest(Contract):
    """The input of `extract_fields` as a child of a job: some of its documents."""

    items: tuple[DocumentItem, ...] = Field(alias="Items", min_length=1)
    given: GenerateItemsInput = Field(alias="BatchInput")

    @property
    def correlation_id(self) -> str:
        """Return the id by which logs follow the job."""
        return self.given.correlation_id


class ExtractDocumentsResult(Contract):
    """The output of a child; `left` documents have no outcome yet."""

    done: int = Field(ge=0)
    failed: int = Field(ge=0)
    left: int = Field(ge=0)
    seconds: float = Field(ge=0)
    gb_seconds: float = Field(ge=0)


class IndexFieldsRequest(Contract):
    """The input of `extract_fields` that has an extraction's values filter searches.

    `folder` is that of the files whose values they are, below the extraction's own.
    """

    tenant: str
    bucket: str
    extraction_id: str
    folder: Literal["", "reviewed/"]
    correlation_id: str


class IndexFieldsResult(Contract):
    """The output: how many vectors have other metadata now."""

    vectors: int = Field(ge=0)


class LearnLabelsRequest(Contract):
    """The input of `extract_fields` that learns what reviewed documents call an extractor's fields.

    `extraction_ids` are reviewed extractions, the newest first, and `terms` the extractor's. What
    is not read within `seconds` does not teach, or does not judge.
    """

    tenant: str
    bucket: str
    terms: ExtractionTerms
    extraction_ids: tuple[str, ...]
    seconds: float = Field(gt=0)
    correlation_id: str


class ReadAnew(Contract):
    """A field of a reviewed document as it was read anew: how sure it is, and whether it is right.

    `extraction_id` is that of the review.
    """

    extraction_id: str
    document_id: str
    group: FieldGroup
    confidence: float
    correct: bool


class LearnLabelsResult(Contract):
    """The output: what the labels taught, and the fields of the documents that judged it.

    Fields were read with labels of other documents if labels are taken, and without any otherwise.
    """

    attempt: LabelAttempt
    fields: tuple[ReadAnew, ...] = ()
