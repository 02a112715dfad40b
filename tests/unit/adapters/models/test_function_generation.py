from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from chalicelib.adapters.models.function import FunctionCaller
from chalicelib.adapters.models.text_functions import MAX_TEXTS_PER_CALL, EmbedTextFunction
from chalicelib.contracts.functions.embed_text import EmbedTextResult
from chalicelib.contracts.generations import (
    ChatCall,
    EmbedCall,
    EmbedOutput,
    Message,
    TextPart,
    Usage,
)
from chalicelib.errors import HeadraceError, InvalidInput, Transient, Unsupported
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import ModelRoute

MODEL = served_models().model("minilm-l6-v2")
ROUTE = ModelRoute("embed_text", "us-east-1", "region", Decimal(1))
ASKING = CallContext("t", "c")


@dataclass
class Lengths:
    """Embeds a text as its length, and remembers what it was asked."""

    asked: list[int] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    truncates: bool = False

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        assert correlation_id == "c"
        self.asked.append(len(texts))
        self.models.add(model)
        self.truncates |= truncate
        vectors = tuple((float(len(text)),) for text in texts)
        return EmbedTextResult(vectors=vectors, model="small", tokens=len(texts), seconds=0.5)


def test_texts_should_be_embedded_in_order_and_in_bounded_invocations() -> None:
    lengths = Lengths()
    texts = tuple("x" * n for n in range(1, 2 * MAX_TEXTS_PER_CALL + 2))
    backend = FunctionCaller({"embed_text": EmbedTextFunction(lengths)})
    reply = backend.generate(MODEL, ROUTE, EmbedCall(texts=texts), ASKING)
    assert reply.output == EmbedOutput(vectors=tuple((float(len(text)),) for text in texts))
    assert lengths.asked == [MAX_TEXTS_PER_CALL, MAX_TEXTS_PER_CALL, 1]
    assert not lengths.truncates
    assert (reply.usage.tokens_in, reply.seconds) == (len(texts), 1.5)
    assert (reply.model, reply.answered_by) == ("minilm-l6-v2", "small")


def test_a_model_that_the_stage_trained_should_be_asked_for_by_its_name() -> None:
    tuned = served_models().model("foldoc-search")
    for model, name in ((MODEL, ""), (tuned, "foldoc-search")):
        lengths = Lengths()
        backend = FunctionCaller({"embed_text": EmbedTextFunction(lengths)})
        backend.generate(model, ROUTE, EmbedCall(texts=("a",)), ASKING)
        assert lengths.models == {name}


def test_dimensions_that_the_model_has_not_should_be_refused() -> None:
    backend = FunctionCaller({"embed_text": EmbedTextFunction(Lengths())})
    assert backend.generate(MODEL, ROUTE, EmbedCall(texts=("a",), dimensions=384), ASKING)
    with pytest.raises(InvalidInput, match="has 384 dimensions"):
        backend.generate(MODEL, ROUTE, EmbedCall(texts=("a",), dimensions=512), ASKING)


def test_what_no_function_answers_should_be_refused() -> None:
    chat = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),))
    backend = FunctionCaller({"embed_text": EmbedTextFunction(Lengths())})
    with pytest.raises(Unsupported, match="calls of chat"):
        backend.generate(MODEL, ROUTE, chat, ASKING)
    with pytest.raises(Unsupported, match="calls of chat"):
        next(iter(backend.stream(MODEL, ROUTE, chat, ASKING)))
    with pytest.raises(Unsupported, match="a function that this stage has not: embed_text"):
        FunctionCaller({}).generate(MODEL, ROUTE, EmbedCall(texts=("a",)), ASKING)


@dataclass
class FailsThen(Lengths):
    """Embeds one invocation, and then fails with `error`."""

    error: HeadraceError = field(default_factory=lambda: Transient("gone", retry_after=7))

    def embed(
        self, texts: Sequence[str], correlation_id: str, model: str = "", *, truncate: bool = True
    ) -> EmbedTextResult:
        if self.asked:
            raise self.error
        return super().embed(texts, correlation_id, model, truncate=truncate)


def test_what_earlier_texts_used_should_be_told_where_later_ones_fail() -> None:
    texts = tuple("x" for _ in range(MAX_TEXTS_PER_CALL + 1))
    backend = FunctionCaller({"embed_text": EmbedTextFunction(FailsThen())})
    with pytest.raises(Transient) as raised:
        backend.generate(MODEL, ROUTE, EmbedCall(texts=texts), ASKING)
    assert raised.value.usage == Usage(tokens_in=MAX_TEXTS_PER_CALL)
    assert (raised.value.seconds, raised.value.retry_after) == (0.5, 7)


def test_no_further_texts_should_be_asked_for_once_the_time_is_over() -> None:
    lengths = Lengths()
    backend = FunctionCaller({"embed_text": EmbedTextFunction(lengths)})
    asking = replace(ASKING, seconds_left=0.0)
    with pytest.raises(Transient, match="in time") as raised:
        backend.generate(MODEL, ROUTE, EmbedCall(texts=("a",)), asking)
    assert (lengths.asked, raised.value.usage) == ([], None)
