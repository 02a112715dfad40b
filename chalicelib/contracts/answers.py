"""Questions and their answers, whole and piece by piece: the events of `POST /v1/ask/stream`.

    retrieved   once, first: what is asked, and how many passages were found for it
    citation    before the first claim that rests on it
    claim       once it is supported, never before
    refused     once, in place of claims
    done        once, last: what was used, and what else there is to say

`POST /v1/ask` gives the same events folded into one body (`fold_events`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.names import Collection
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.search import Question

MAX_TURN_CHARACTERS = 8_192
MAX_TURNS = 10

TopK = Annotated[int, Field(ge=1, le=100)]
Tier = Literal["extractive", "llm"]


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


class Citation(Contract):
    """The passage that a mark `[n]` in an answer refers to."""

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


class AskRetrieved(Contract):
    """Passages were found; `asked_as` is the question as it is answered, which stands alone."""

    event: Literal["retrieved"] = "retrieved"
    asked_as: str
    passages: int = Field(ge=0)


class AskCitation(Contract):
    """A source of the claims that follow."""

    event: Literal["citation"] = "citation"
    citation: Citation


class AskClaim(Contract):
    """One claim of the answer, and the numbers of the citations that it rests on."""

    event: Literal["claim"] = "claim"
    claim: Claim


class AskRefused(Contract):
    """The documents do not answer; `answer` says so in words."""

    event: Literal["refused"] = "refused"
    answer: str


class AskDone(Contract):
    """The end. `answer_id` is empty where the answer could not be kept to be rated."""

    event: Literal["done"] = "done"
    answer_id: str
    tier: Tier
    language: str
    receipt: Receipt
    notices: tuple[str, ...] = ()


AskEvent = Annotated[
    AskRetrieved | AskCitation | AskClaim | AskRefused | AskDone, Field(discriminator="event")
]


def fold_events(events: Iterable[AskEvent]) -> AskResponse:
    """Return the body that the events of one whole answer add up to.

    Raises ValueError where they are not whole: without an end, or without their beginning.
    """
    retrieved, done, refused = None, None, ""
    claims: list[Claim] = []
    citations: list[Citation] = []
    for event in events:
        match event:
            case AskRetrieved():
                retrieved = event
            case AskCitation():
                citations.append(event.citation)
            case AskClaim():
                claims.append(event.claim)
            case AskRefused():
                refused = event.answer
            case AskDone():
                done = event
    if retrieved is None or done is None:
        raise ValueError("The events of an answer begin with `retrieved` and end with `done`.")
    return AskResponse(
        answer_id=done.answer_id,
        answer=" ".join(render_claim(claim) for claim in claims) or refused,
        answered=bool(claims),
        asked_as=retrieved.asked_as,
        language=done.language,
        tier=done.tier,
        claims=tuple(claims),
        citations=tuple(citations),
        receipt=done.receipt,
        notices=done.notices,
    )


def render_claim(claim: Claim) -> str:
    """Return a claim with its marks, as it stands in an answer."""
    return f"{claim.text} {' '.join(f'[{n}]' for n in claim.citations)}"
