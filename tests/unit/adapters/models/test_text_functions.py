"""Chats by the function `complete_text`: what it is asked, whole and as a stream, and refused."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.models.function import FunctionCaller
from chalicelib.adapters.models.text_functions import CompleteTextFunction
from chalicelib.contracts.generations import (
    ChatCall,
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    Message,
    Reply,
    TextPart,
    ToolResult,
    Usage,
)
from chalicelib.contracts.model_manifest import FILE, TEMPLATE_FILE
from chalicelib.errors import Conflict, InvalidInput, ModelFailure, Unsupported
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import FunctionBackend, ModelRoute, ServedModel
from chalicelib.generation.streams import StreamedAnswer, StreamEnd
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.text_models import TextModel, open_model
from functions.run_model import complete_text
from tests.exported_models import Files, exported, read, version
from tests.exported_texts import speaker
from tests.model_deps import task_deps
from tests.unit.adapters.models.in_process import InProcess

MODEL = served_models().model("aligned-lm")
ROUTE = ModelRoute("complete_text", "us-east-1", "region", Decimal(1))
ASKING = CallContext("t", "c", seconds_left=12.5)


def chat(*texts: str, **said: Any) -> ChatCall:
    """Return a chat whose turns are `texts`, the user's first."""
    turns = [
        Message(role="assistant" if at % 2 else "user", content=(TextPart(text=text),))
        for at, text in enumerate(texts)
    ]
    return ChatCall(messages=tuple(turns), **{"max_tokens": 6, **said})


class Function:
    """The function over one model, and what asks it."""

    def __init__(self, files: Files | None = None) -> None:
        self.files = files or speaker()
        self.client = InProcess(self._answer)
        asked = CompleteTextFunction(self.client.within, "complete", 25)
        self.backend = FunctionCaller({"complete_text": asked})

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[TextModel]:
        return OpenModel(open_model(read(self.files)), version(self.files, 3))

    def _answer(self, event: Any) -> Any:
        deps = task_deps(self, step=0.25, seed=7)
        answer = complete_text.run(complete_text.parse(event), deps)
        return answer.model_dump(mode="json")


def test_should_have_one_text_gone_on_with() -> None:
    function = Function()
    reply = function.backend.generate(MODEL, ROUTE, chat("the room"), ASKING)
    assert reply.output == ChatOutput(text="was warm .", finish="stop")
    assert (reply.model, reply.answered_by) == ("aligned-lm", "tried/3")
    assert (reply.usage, reply.seconds) == (Usage(tokens_in=2, tokens_out=3), 1.0)
    (asked,) = function.client.asked
    assert (asked["prompt"], asked["temperature"], asked["top_p"]) == ("the room", 0, 1)
    assert function.client.waits == [10]


def test_a_model_with_a_chat_template_should_read_the_whole_conversation() -> None:
    """The template of the tried model is the texts of its turns, one after another."""
    template = b"{% for m in messages %}{{ m.content }} {% endfor %}"
    own = speaker()
    graphs = {"decoder": (("tokens", "past_keys", "past_values"), own["decoder.onnx"])}
    beside = {"tokenizer.json": own["tokenizer.json"], TEMPLATE_FILE: template}
    function = Function(exported(graphs, json.loads(own[FILE])["constants"], beside, "aligned"))
    backend = MODEL.backend
    assert isinstance(backend, FunctionBackend)
    reading = replace(MODEL, backend=replace(backend, chat=True))
    call = chat("the", "room", "was", system="the")
    reply = function.backend.generate(reading, ROUTE, call, ASKING)
    assert isinstance(reply.output, ChatOutput)
    assert (reply.output.text, reply.usage.tokens_in) == ("warm .", 4)


def test_should_hand_on_how_it_is_to_be_written() -> None:
    function = Function()
    said = {"temperature": 0.5, "top_p": 0.25, "seed": 3, "stop": ("warm",)}
    reply = function.backend.generate(MODEL, ROUTE, chat("the room", **said), ASKING)
    (asked,) = function.client.asked
    assert {name: asked[name] for name in said} == {**said, "stop": ["warm"]}
    assert reply.output == ChatOutput(text="was ", finish="stop")


def test_should_say_that_an_answer_was_cut_off() -> None:
    reply = Function().backend.generate(MODEL, ROUTE, chat("the", max_tokens=1), ASKING)
    assert reply.output == ChatOutput(text="room", finish="length")


def test_should_put_a_text_where_the_template_has_its_place() -> None:
    function = Function()
    backend = replace(FunctionBackend("complete_text", 1769), template="the {} was")
    model: ServedModel = replace(MODEL, backend=backend)
    function.backend.generate(model, ROUTE, chat(" room\n"), ASKING)
    assert function.client.asked[0]["prompt"] == "the room was"


def test_notes_should_be_read_as_the_recipe_was_trained_to() -> None:
    function = Function()
    with pytest.raises(InvalidInput, match="does not know 'Note:'"):
        function.backend.generate(
            served_models().model("task-lm"), ROUTE, chat("a red box."), ASKING
        )
    assert function.client.asked[0]["prompt"] == "Note: a red box.\nFields:"


def test_should_stream_an_answer_in_one_piece_with_what_it_cost() -> None:
    told = StreamedAnswer()
    for delta in Function().backend.stream(MODEL, ROUTE, chat("the room"), ASKING):
        told.add(delta)
    assert told.texts == ["was warm ."]
    assert told.end == StreamEnd("stop", Usage(tokens_in=2, tokens_out=3), "tried/3", 1.0)


def test_a_stream_should_have_no_piece_where_nothing_is_said() -> None:
    deltas = Function().backend.stream(MODEL, ROUTE, chat("the", stop=("room",)), ASKING)
    assert [type(each) for each in deltas] == [StreamEnd]


def test_a_stream_should_begin_with_what_goes_wrong() -> None:
    stream = Function(speaker(context=2)).backend.stream(MODEL, ROUTE, chat("the room"), ASKING)
    with pytest.raises(InvalidInput, match="has 2 tokens, and may have 1 at most"):
        next(iter(stream))


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (chat("the", system="Be brief."), "takes no instructions; leave system out"),
        (chat("the", "room", "was"), "no notion of turns; there are 3. Send one message"),
        (chat("the", seed=-1), "^seed: Input should be greater than or equal to 0"),
        (
            ChatCall(messages=(Message(role="user", content=(ToolResult(id="1", text="a"),)),)),
            "reads text and nothing else",
        ),
    ],
)
def test_should_refuse_what_such_a_model_has_no_notion_of(call: ChatCall, told: str) -> None:
    function = Function()
    with pytest.raises(InvalidInput, match=told):
        function.backend.generate(MODEL, ROUTE, call, ASKING)
    assert not function.client.asked


def test_should_refuse_what_is_no_chat() -> None:
    with pytest.raises(Unsupported, match="calls of embedding"):
        Function().backend.generate(MODEL, ROUTE, EmbedCall(texts=("a",)), ASKING)


def test_should_say_that_no_version_is_served() -> None:
    def none(event: Any) -> Any:
        raise Conflict("No version of aligned-lm is served on this stage.")

    function = CompleteTextFunction(InProcess(none).within, "complete", 25)
    with pytest.raises(Conflict, match="No version of aligned-lm") as raised:
        function.answer(MODEL, chat("the"), ASKING)
    assert raised.value.field == "model"


def test_a_malformed_answer_should_be_the_function_s_fault() -> None:
    function = CompleteTextFunction(InProcess(lambda event: {"text": "a"}).within, "complete", 25)
    with pytest.raises(ModelFailure, match="completing function's answer is malformed"):
        function.answer(MODEL, chat("the"), ASKING)


def test_only_chats_should_be_streamed() -> None:
    class Embeds:
        def answer(self, model: Any, call: Any, asking: Any) -> Any:
            output = EmbedOutput(vectors=((1.0,),))
            return Reply(model="m", answered_by="m", output=output, usage=Usage(), seconds=0)

    stream = FunctionCaller({"complete_text": Embeds()}).stream(MODEL, ROUTE, chat("the"), ASKING)
    with pytest.raises(ModelFailure, match="answered a chat with embedding"):
        next(iter(stream))
