"""Questions and their answers, whole and piece by piece: the events of `POST /v1/ask/stream`.

    retrieved   once, first: what is asked, and how many passages were found for it
    extract     once, if a language model is to improve it: sentences of the documents that answer
    citation    before the first claim that cites it
    claim       once it is supported, or marked as unsupported
    refused     once, in place of claims
    nearest     once, if no sentence answers outright, or not certainly: the closest passages
    done        once, last: the outcome, what was used, and what else there is to say

Nothing is taken back: an `extract` quotes the documents, and stays true whatever follows it.
`POST /v1/ask` gives the same events folded into one body (`fold_events`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_serializer, model_validator

from chalicelib.contracts.base import Contract, HttpInput, is_none
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import Collection, EndUser
from chalicelib.contracts.page_times import Milliseconds
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.search import Question

MAX_TURN_CHARACTERS = 8_192
MAX_TURNS = 10

MAX_NEAREST = 3
"""The most passages that are shown if no sentence answers, or not certainly."""
MAX_NEAREST_CHARACTERS = 600
"""The most characters of one of them, with the header of its table."""

TopK = Annotated[int, Field(ge=1, le=100)]
Tier = Literal["extractive", "llm"]
Outcome = Literal["answered", "nearest", "not_found"]
"""`answered`: every claim is cited. `nearest`: no sentence answers outright, and the passages that
are closest are shown in place of claims. `not_found`: the answer is not in the documents that were
looked at.
"""


class ConversationTurn(HttpInput):
    """An earlier question of a conversation and the answer that it got, marks and all."""

    question: str = Field(min_length=1, max_length=MAX_TURN_CHARACTERS)
    answer: str = Field(max_length=MAX_TURN_CHARACTERS)


class AskRequest(HttpInput):
    """`POST /v1/ask`."""

    question: Question
    history: tuple[ConversationTurn, ...] = Field(default=(), max_length=MAX_TURNS)
    """The conversation so far, oldest first; a follow-up question is understood by its end."""
    collection: Collection | None = None
    filter: Filter | None = None
    top_k: TopK = 10
    rerank: bool | None = None
    """Whether a model looks at the first passages again; None leaves it to the stage."""
    tier: Tier | None = None
    """How to answer; None takes the cheapest tier that suffices."""
    end_user: EndUser = ""
    """Whom the answer is for; the same end user stays in one arm of a rollout."""


class Citation(Contract):
    """The passage that a mark `[n]` in an answer refers to.

    `start_ms` to `end_ms` is when a recording says or shows it, to the sentence, and `speaker`
    who says it, counted from 1.
    """

    n: int = Field(ge=1)
    document_id: str
    version: str
    path: str
    page: int
    start: int
    end: int
    quote: str
    start_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    end_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    speaker: int | None = Field(default=None, ge=1, exclude_if=is_none)


class Claim(Contract):
    """One claim of an answer, and the numbers of its citations.

    `unsupported` is true of a claim of a language model that no passage supports. It is shown only
    if the request names the tier `llm`, and has no citation.
    """

    text: str
    citations: tuple[int, ...] = ()
    unsupported: bool = False

    @model_validator(mode="after")
    def _is_cited_or_marked(self) -> Self:
        if self.unsupported == bool(self.citations):
            raise ValueError("a claim has citations, or is marked as unsupported")
        return self


class PageRange(Contract):
    """Characters `start` to `end`, exclusive, of a page."""

    start: int = Field(ge=0)
    end: int = Field(ge=1)


class NearestPassage(Contract):
    """A passage near to a question that no sentence answers outright, or not certainly.

    The quote of `citation` is the passage: exactly the characters `start` to `end` of its page.
    `header` is the row with the column names, if the passage has rows of a table without it; both
    together have at most 600 characters. `highlights` are the words of the question in the
    passage, as ranges of the page.
    """

    citation: Citation
    heading: str = ""
    header: Citation | None = None
    highlights: tuple[PageRange, ...] = ()


class LookedAt(Contract):
    """The documents and passages that were searched for an answer that was not found.

    `passages` of `documents` different documents were found and read; `paths` are those of the
    best passages, best first. `collection` and `filter` are those of the request.
    """

    documents: int = Field(ge=0)
    passages: int = Field(ge=0)
    paths: tuple[str, ...] = ()
    collection: str | None = None
    filter: Filter | None = None

    @field_serializer("filter", when_used="json")
    def _filter_json(self, given: Filter | None) -> dict[str, Any] | None:
        """Return the filter as the request may have it."""
        if given is None:
            return None
        return given.model_dump(mode="json", by_alias=True, exclude_none=True)


class AskResponse(Contract):
    """The outcome of a question: an answer whose every claim is cited, or what is closest.

    `answered` is true only for the outcome `answered`. `answer` is the claims, each followed by its
    marks, or a sentence that says that there is no answer; `asked_as` the question as it was
    answered, which stands alone; `language` the question's, as an ISO 639-1 code, "" if unknown.
    `nearest` are the closest passages: in place of claims, or beside those that may miss the point.
    `looked_at` says what was searched if the question is not answered. `answer_id` names the
    answer to `POST /v1/feedback`.
    """

    answer_id: str = ""
    answer: str
    answered: bool
    outcome: Outcome
    asked_as: str = ""
    language: str = ""
    tier: Tier
    claims: tuple[Claim, ...] = ()
    citations: tuple[Citation, ...]
    nearest: tuple[NearestPassage, ...] = Field(default=(), max_length=MAX_NEAREST)
    looked_at: LookedAt | None = None
    receipt: Receipt
    notices: tuple[str, ...] = ()


class AskRetrieved(Contract):
    """Passages were found; `asked_as` is the question as it is answered, which stands alone."""

    event: Literal["retrieved"] = "retrieved"
    asked_as: str
    passages: int = Field(ge=0)


class AskExtract(Contract):
    """The answer in sentences of the documents, before a language model is asked to improve it."""

    event: Literal["extract"] = "extract"
    answer: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]


class AskCitation(Contract):
    """A source of the claims that follow."""

    event: Literal["citation"] = "citation"
    citation: Citation


class AskClaim(Contract):
    """One claim of the answer, and the numbers of its citations."""

    event: Literal["claim"] = "claim"
    claim: Claim


class AskRefused(Contract):
    """No sentence of the documents answers; `answer` says so in words."""

    event: Literal["refused"] = "refused"
    answer: str
    outcome: Outcome = "not_found"


class AskNearest(Contract):
    """The passages that are closest to a question that no sentence surely answers, best first."""

    event: Literal["nearest"] = "nearest"
    passages: tuple[NearestPassage, ...] = Field(min_length=1, max_length=MAX_NEAREST)


class AskDone(Contract):
    """The end. `answer_id` is empty if the answer could not be kept to be rated."""

    event: Literal["done"] = "done"
    answer_id: str
    outcome: Outcome
    tier: Tier
    language: str
    looked_at: LookedAt | None = None
    receipt: Receipt
    notices: tuple[str, ...] = ()


AskEvent = Annotated[
    AskRetrieved | AskExtract | AskCitation | AskClaim | AskRefused | AskNearest | AskDone,
    Field(discriminator="event"),
]


def fold_events(events: Iterable[AskEvent]) -> AskResponse:
    """Return the body that the events of one whole answer add up to.

    Raises ValueError if they are not whole: without an end, or without their beginning.
    """
    retrieved, done, refused = None, None, ""
    claims: list[Claim] = []
    citations: list[Citation] = []
    nearest: tuple[NearestPassage, ...] = ()
    for event in events:
        match event:
            case AskRetrieved():
                retrieved = event
            case AskExtract():
                pass  # Either the claims repeat it, or better ones come in its place.
            case AskCitation():
                citations.append(event.citation)
            case AskClaim():
                claims.append(event.claim)
            case AskRefused():
                refused = event.answer
            case AskNearest():
                nearest = event.passages
            case AskDone():
                done = event
    if retrieved is None or done is None:
        raise ValueError("The events of an answer begin with `retrieved` and end with `done`.")
    return AskResponse(
        answer_id=done.answer_id,
        answer=render_claims(claims) or refused,
        answered=done.outcome == "answered",
        outcome=done.outcome,
        asked_as=retrieved.asked_as,
        language=done.language,
        tier=done.tier,
        claims=tuple(claims),
        citations=tuple(citations),
        nearest=nearest,
        looked_at=done.looked_at,
        receipt=done.receipt,
        notices=done.notices,
    )


UNSUPPORTED_MARK = "[unsupported]"
"""The mark of a claim of a language model that no passage supports."""


def render_claim(claim: Claim) -> str:
    """Return a claim with its marks, as it stands in an answer."""
    marks = [f"[{n}]" for n in claim.citations]
    if claim.unsupported:
        marks.append(UNSUPPORTED_MARK)
    return " ".join((claim.text, *marks))


def render_claims(claims: Iterable[Claim]) -> str:
    """Return the text of an answer: its claims, each with its marks."""
    return " ".join(map(render_claim, claims))
