"""What is captured of answers in pieces, of runs of prompts, and of calls that fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.budgets.spender import Spender
from chalicelib.captures.asks import RecordedAsk
from chalicelib.captures.failures import counts_as_failure
from chalicelib.captures.generator import RecordedGenerator
from chalicelib.contracts.answers import (
    AskCitation,
    AskClaim,
    AskDone,
    AskEvent,
    AskRequest,
    AskRetrieved,
    Citation,
    Claim,
)
from chalicelib.contracts.generations import ChatCall, Generation, Message, Terms, TextPart
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.screening import Finding
from chalicelib.errors import InvalidInput, ModelFailure, NotFound, Throttled, Transient
from chalicelib.retrieval.search.query import Query
from chalicelib.screening.screener import refusal_message
from tests.unit.captures.fakes import FakeCaptures
from tests.unit.generation.fakes import House

WHO = Spender("acme", "key-1", correlation_id="request-1")
HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),))
CITED = Citation(
    n=1, document_id="d", version="v", path="a.md", page=1, start=0, end=5, quote="It is."
)


def test_a_streamed_answer_should_be_captured_after_its_last_piece() -> None:
    captures = FakeCaptures()
    captures.watch("model", "small")
    generator = RecordedGenerator(House({"small": ["Hel", "lo."]}).generator, captures.recorder)
    pieces = generator.stream(HELLO, Terms(model="small"), WHO)
    seen = []
    for piece in pieces:
        assert captures.calls == []
        seen.append(piece)
    assert isinstance(seen[-1], Generation)
    (call,) = captures.calls
    assert (call.output, call.outcome, call.input_characters) == ("Hello.", "ok", 5)


def test_a_stream_that_breaks_off_should_be_captured_as_the_failure_of_what_was_asked() -> None:
    captures = FakeCaptures()
    captures.watch("model", "small")
    house = House({"small": ["Hel", Transient("It went away.")]})
    generator = RecordedGenerator(house.generator, captures.recorder)
    with pytest.raises(Transient):
        list(generator.stream(HELLO, Terms(model="small", fallback=False), WHO))
    (call,) = captures.calls
    assert (call.outcome, call.error_type, call.version) == ("error", "Transient", "")


def events(*claims: Claim) -> Iterator[AskEvent]:
    yield AskRetrieved(asked_as="Is it?", passages=1)
    yield AskCitation(citation=CITED)
    for claim in claims:
        yield AskClaim(claim=claim)
    yield AskDone(
        answer_id="ans_1", outcome="answered", tier="llm", language="en", receipt=Receipt()
    )


@pytest.mark.parametrize(
    ("claims", "cited", "unsupported"),
    [
        ((Claim(text="It is.", citations=(1,)),), True, False),
        ((Claim(text="It is.", citations=(1,)), Claim(text="Ha.", unsupported=True)), False, True),
    ],
)
def test_a_streamed_ask_should_say_whether_its_claims_are_supported(
    claims: tuple[Claim, ...], cited: bool, unsupported: bool
) -> None:
    captures = FakeCaptures()
    captures.watch("retrieval", "*")
    query = Query(tenant="acme", text="Is it?", collection=None, top_k=5, correlation_id="r")
    asked = RecordedAsk(captures.recorder, query, AskRequest(question="Is it?"))
    given = list(asked.stream(lambda: events(*claims)))
    assert given == list(events(*claims))
    (call,) = captures.calls
    assert (call.cited, call.unsupported) == (cited, unsupported)
    assert (call.answer_id, call.input) == ("ans_1", '{"question":"Is it?"}')


def test_what_the_caller_got_wrong_should_not_count_and_what_screening_refused_should() -> None:
    rule = Finding(rule="injection.order", category="injection", text=0, score=1, words="an order")
    refused = InvalidInput.by_screening(refusal_message(rule, "The input"), "messages")
    counted = [refused, ModelFailure("x"), Throttled("x"), Transient("x")]
    assert all(map(counts_as_failure, counted))
    assert not any(map(counts_as_failure, [InvalidInput("It is empty."), NotFound("x")]))


def test_an_answer_that_was_paid_for_and_cut_off_should_count() -> None:
    cut_off = InvalidInput("It did not fit into its max_tokens.", field="max_tokens")
    cut_off.receipt = Receipt()
    assert not counts_as_failure(cut_off)
    cut_off.receipt = Receipt.of([ReceiptLine(model="small", role="chat")])
    assert counts_as_failure(cut_off)
