"""The bodies of the HTTP API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.documents import Document
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import MAX_PATH_CHARACTERS, Collection, MediaType
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.searching import Question

MAX_TURN_CHARACTERS = 8_192
MAX_TURNS = 10

TopK = Annotated[int, Field(ge=1, le=100)]
Tier = Literal["extractive", "llm"]


class CreateDocumentRequest(HttpInput):
    """`POST /v1/documents`: announce a file of `bytes` bytes and get a place to upload it."""

    path: str = Field(min_length=1, max_length=MAX_PATH_CHARACTERS)
    bytes: int = Field(ge=0)
    collection: Collection = "default"
    media_type: MediaType | None = None
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    """What is known of the document; `contracts/metadata.py` has the limits."""


class PresignedUpload(Contract):
    """Where and with which form fields to POST the file."""

    url: str
    fields: dict[str, str]


class CreateDocumentResponse(Contract):
    """The answer to `POST /v1/documents`."""

    document_id: str
    upload: PresignedUpload
    expires_at: AwareDatetime


class RetryDocumentRequest(HttpInput):
    """`POST /v1/documents/{document_id}/retry`: the body may be left out; it says nothing."""


class DocumentList(Contract):
    """One page of documents; `next_cursor` is opaque, and None at the end."""

    items: tuple[Document, ...]
    next_cursor: str | None


class Turn(HttpInput):
    """An earlier question of a conversation and the answer that it got, marks and all."""

    question: str = Field(min_length=1, max_length=MAX_TURN_CHARACTERS)
    answer: str = Field(max_length=MAX_TURN_CHARACTERS)


class AskRequest(HttpInput):
    """`POST /v1/ask`."""

    question: Question
    history: tuple[Turn, ...] = Field(default=(), max_length=MAX_TURNS)
    """The conversation so far, oldest first; a follow-up question is understood by its end."""
    collection: Collection | None = None
    filter: Filter | None = None
    top_k: TopK = 10
    rerank: bool | None = None
    """Whether a model looks at the first passages again; None leaves it to the stage."""
    tier: Tier | None = None
    """How to answer; None takes the cheapest tier that suffices."""


class Citation(Contract):
    """What a mark `[n]` in an answer refers to."""

    n: int = Field(ge=1)
    document_id: str
    version: str
    path: str
    page: int
    start: int
    end: int
    quote: str


class Claim(Contract):
    """One claim of an answer, and the numbers of the citations that it rests on."""

    text: str
    citations: tuple[int, ...] = Field(min_length=1)


class AskResponse(Contract):
    """An answer whose every claim is cited, or `answered` is false.

    `answer` is the claims, each followed by its marks; `asked_as` the question as it was
    answered, which stands alone; `language` the question's, as an ISO 639-1 code, "" where it
    is not known. `answer_id` names the answer to `POST /v1/feedback`.
    """

    answer_id: str = ""
    answer: str
    answered: bool
    asked_as: str = ""
    language: str = ""
    tier: Tier
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...]
    receipt: Receipt
    notices: tuple[str, ...] = ()


class ErrorDetail(Contract):
    """What went wrong; `field` and `limit` name what to mend, where there is such a thing."""

    type: str
    message: str
    field: str | None = None
    limit: str | None = None
    request_id: str


class ErrorBody(Contract):
    """The body of every answer that is an error."""

    error: ErrorDetail
