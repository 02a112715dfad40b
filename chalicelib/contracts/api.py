"""The bodies of the HTTP API."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, Field
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.documents import Document
from chalicelib.contracts.receipts import Receipt

COLLECTION_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
COLLECTION_RULE = (
    "a collection's name has 1 to 63 lower-case letters, digits, '-' and '_', "
    "and begins with a letter or a digit"
)
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_PARAMETER = r'\s*;\s*[A-Za-z0-9!#$&^_.+-]+=(?:[A-Za-z0-9!#$&^_.+:-]+|"[^"\\]*")'
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}(?:{_PARAMETER})*")
"""https://www.rfc-editor.org/rfc/rfc6838#section-4.2, with the parameters of RFC 9110, 8.3.1."""

MAX_PATH_CHARACTERS = 512
MAX_QUESTION_CHARACTERS = 8_192
MAX_TURN_CHARACTERS = 8_192
MAX_TURNS = 10


def is_collection(name: str) -> bool:
    """Say whether a collection can have this name."""
    return re.fullmatch(COLLECTION_PATTERN, name) is not None


def _collection(name: str) -> str:
    if not is_collection(name):
        raise PydanticCustomError("collection", COLLECTION_RULE)
    return name


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE.fullmatch(text):
        raise PydanticCustomError("media_type", "a media type looks like 'text/plain'")
    return text


Collection = Annotated[str, AfterValidator(_collection)]
MediaType = Annotated[str, Field(max_length=255), AfterValidator(_media_type)]
Question = Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]
TopK = Annotated[int, Field(ge=1, le=100)]
Tier = Literal["extractive", "llm"]


class CreateDocumentRequest(HttpInput):
    """`POST /v1/documents`: announce a file of `bytes` bytes and get a place to upload it."""

    path: str = Field(min_length=1, max_length=MAX_PATH_CHARACTERS)
    bytes: int = Field(ge=0)
    collection: Collection = "default"
    media_type: MediaType | None = None


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


class SearchRequest(HttpInput):
    """`POST /v1/search`."""

    query: Question
    collection: Collection | None = None
    top_k: TopK = 10


class Hit(Contract):
    """A passage: `text` is characters `start` to `end` of page `page`."""

    document_id: str
    version: str
    path: str
    collection: str
    page: int
    heading: str
    start: int
    end: int
    text: str
    score: float


class SearchResponse(Contract):
    """Passages, best first."""

    hits: tuple[Hit, ...]
    receipt: Receipt
    notices: tuple[str, ...] = ()


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
    top_k: TopK = 10
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
