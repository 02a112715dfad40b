from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.functions.embed_text import EmbedTextResult
from chalicelib.contracts.functions.label_picture import LabelPictureResult
from chalicelib.contracts.functions.rerank_passages import RerankResult
from chalicelib.contracts.picture_labels import Label
from chalicelib.contracts.receipts import ReceiptLine
from chalicelib.generation.catalogue import UnitPrice, parse_catalogue
from chalicelib.generation.request_costs import QUESTION
from chalicelib.retrieval.answer.model_calls import ModelReply, ModelUse
from chalicelib.retrieval.receipts import QueryPrices
from tests.unit.retrieval.fakes import hit

FEW_PRICES = parse_catalogue(
    """{"models": [], "price_region": "us-east-1", "prices": [
    {"unit": "lambda.gb_second.arm64", "dollars": "0.00001", "date": "2025-01-01", "source": "x"},
    {"unit": "lambda.request", "dollars": "0.0000002", "date": "2025-01-01", "source": "x"},
    {"unit": "s3vectors.query.request", "dollars": "2.5E-6", "date": "2025-01-01", "source": "x"},
    {"unit": "bedrock.big.input_token", "dollars": "0.000001", "date": "2025-01-01", "source": "x"},
    {"unit": "bedrock.big.output_token", "dollars": "0.000005", "date": "2025-01-01", "source": "x"}
    ]}"""
)
FREE = {
    unit: UnitPrice(unit, Decimal(0), date(2025, 1, 1), "x")
    for unit in QUESTION
    if unit not in FEW_PRICES.prices
}
"""Requests cost nothing here, but for the time and the requests of functions."""
CATALOGUE = replace(FEW_PRICES, prices={**FEW_PRICES.prices, **FREE})
REQUESTS = Decimal("0.0000009")
LINE = ReceiptLine(
    model="small local",
    priced_as="big",
    role="chat",
    tokens_in=1000,
    tokens_out=100,
    seconds=2.0,
    dollars=Decimal("0.0015"),
)
REPLY = ModelReply("text", (LINE,))


def prices(chat_model_id: str = "big") -> QueryPrices:
    return QueryPrices(CATALOGUE, chat_model_id, embed_memory_mb=512)


def embedding(tokens: int = 7, seconds: float = 0.1) -> EmbedTextResult:
    return EmbedTextResult(vectors=(), model="minilm", tokens=tokens, seconds=seconds)


def embedded(count: int) -> list[ModelUse]:
    roles = ("question embedding", "sentence embedding")
    return [ModelUse(role, embedding()) for role in roles[:count]]


def test_should_list_what_a_search_used() -> None:
    receipt = prices().search(embedding())
    assert [(line.model, line.role, line.dollars) for line in receipt.lines] == [
        ("minilm", "question embedding", Decimal("0.0000007")),
        ("s3-vectors", "hybrid query", Decimal("0.0000025")),
        ("aws", "requests", REQUESTS),
    ]
    assert (receipt.tokens_in, receipt.dollars) == (7, Decimal("0.0000032") + REQUESTS)
    assert receipt.next_dearer is None


def test_should_list_what_reranking_took() -> None:
    reranked = RerankResult(scores=(1.0,), model="minilm", tokens=900, seconds=0.2)
    line = prices().search(embedding(), reranked).lines[-2]
    assert (line.role, line.tokens_in, line.seconds) == ("rerank", 900, 0.2)
    assert line.dollars == Decimal("0.0000012")
    used = [*embedded(1), ModelUse("rerank", reranked), embedded(2)[1]]
    assert [line.role for line in prices().answer("How?", [hit("x")], used).lines] == [
        "question embedding",
        "hybrid query",
        "rerank",
        "sentence embedding",
        "requests",
    ]


def test_should_list_what_looking_at_a_picture_took() -> None:
    seen = LabelPictureResult(
        media_type="image/png",
        labels=(Label(name="cat", share=0.9),),
        model="efficientnet-lite0",
        seconds=0.2,
    )
    receipt = prices().search(embedding(), seen=seen)
    assert [line.role for line in receipt.lines] == [
        "picture labelling",
        "question embedding",
        "hybrid query",
        "requests",
    ]
    line = receipt.lines[0]
    assert (line.model, line.images, line.seconds) == ("efficientnet-lite0", 1, 0.2)
    assert line.dollars == Decimal("0.0000012")


def test_should_say_what_a_language_model_would_have_cost() -> None:
    receipt = prices().answer("How?", [hit("x" * 4000)], embedded(2))
    assert receipt.next_dearer is not None
    assert receipt.next_dearer.path == "llm by big"
    assert Decimal("0.0015") < receipt.next_dearer.dollars < Decimal("0.0020")


def test_should_list_models_in_the_order_in_which_they_were_tried() -> None:
    used = [*embedded(2), ModelUse("answer", REPLY), ModelUse("answer embedding", embedding())]
    receipt = prices().answer("How?", [hit("x")], used)
    assert [line.role for line in receipt.lines] == [
        "question embedding",
        "hybrid query",
        "sentence embedding",
        "answer",
        "answer embedding",
        "requests",
    ]
    reply = receipt.lines[3]
    assert (reply.model, reply.priced_as) == ("small local", "big")
    assert reply.dollars == Decimal("0.0015")
    assert receipt.next_dearer is None


@pytest.mark.parametrize(
    "use",
    [
        ModelUse("answer", replace(REPLY, text="", is_complete=False)),
        ModelUse("question", REPLY),
    ],
    ids=["asked in vain", "completed the question alone"],
)
def test_should_say_what_a_reply_would_have_cost_where_there_is_none(use: ModelUse) -> None:
    receipt = prices().answer("How?", [hit("x")], [*embedded(2), use])
    assert [line.role for line in receipt.lines][-2] == use.role
    assert receipt.next_dearer is not None
    assert receipt.next_dearer.path == "llm by big"


def test_should_offer_nothing_dearer_where_there_is_nothing() -> None:
    assert prices("").answer("How?", [hit("x")], embedded(1)).next_dearer is None
    assert prices().answer("How?", [], embedded(1)).next_dearer is None


def test_should_list_every_attempt_at_an_answer_under_its_role() -> None:
    first = LINE.model_copy(update={"model": "tiny"})
    tried = ModelReply("", (first, LINE), is_complete=False)
    receipt = prices().answer("How?", [hit("x")], [*embedded(1), ModelUse("answer", tried)])
    assert [(line.model, line.role) for line in receipt.lines[-3:-1]] == [
        ("tiny", "answer"),
        ("small local", "answer"),
    ]
    assert sum(line.dollars for line in receipt.lines[-3:-1]) == Decimal("0.003")


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(0, 900)), min_size=1, max_size=3))
def test_should_total_its_lines_to_the_nano_dollar(used: list[tuple[int, float]]) -> None:
    uses = [ModelUse("question embedding", embedding(tokens, seconds)) for tokens, seconds in used]
    receipt = prices().answer("How?", [hit("x")], [*uses, ModelUse("answer", REPLY)])
    assert receipt.dollars == sum(line.dollars for line in receipt.lines)
    assert all(line.dollars.as_tuple().exponent >= -9 for line in receipt.lines)  # type: ignore[operator]
    assert receipt.tokens_in == sum(tokens for tokens, _ in used) + LINE.tokens_in
