"""Calls about pictures by the adapters and the cores of the functions, without Lambda."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.models.image_chat_functions import (
    AnswerImageFunction,
    CaptionImageFunction,
)
from chalicelib.adapters.models.image_functions import ClassifyImageFunction
from chalicelib.contracts import vision
from chalicelib.contracts.generations import (
    ChatCall,
    ChatOutput,
    ClassifyCall,
    ClassifyOutput,
    EmbedCall,
    ImagePart,
    Message,
    Part,
    TextPart,
    ToolResult,
    Usage,
)
from chalicelib.contracts.vision import MAX_BYTES
from chalicelib.errors import InvalidInput, ModelFailure, Unsupported
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.inference import blip2, clip, flamingo
from chalicelib.inference.hot_swap import OpenModel
from functions.run_model import answer_image, caption_image, classify_image
from tests.exported_clip import clip_files, image_file
from tests.exported_image_text import blip2_files, flamingo_files
from tests.exported_models import Files, read, version
from tests.model_deps import task_deps
from tests.unit.adapters.models.in_process import InProcess

RED, BLUE, WHITE, BLACK = (
    image_file(each) for each in ((255, 0, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0))
)


@dataclass
class One:
    """One model, whatever it is called."""

    files: Files
    opened: Callable[[Any], Any]

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[Any]:
        return OpenModel(self.opened(read(self.files)), version(self.files, 3))


def running(task: Any, request: Any, files: Files, opened: Callable[[Any], Any]) -> InProcess:
    """Return a client whose function runs `task`; each of its clocks goes a quarter of a second."""

    def handler(event: Any) -> Any:
        deps = task_deps(One(files, opened), step=0.25)
        return task.run(request.model_validate(event), deps).model_dump(mode="json")

    return InProcess(handler)


def captions(files: Files) -> InProcess:
    return running(caption_image, vision.CaptionImageRequest, files, blip2.open_model)


def answers(files: Files) -> InProcess:
    return running(answer_image, vision.AnswerImageRequest, files, flamingo.open_image_text_model)


def answered(kind: Any, client: InProcess, model: str, call: Any) -> Any:
    return kind(client.within, "f", 25).answer(
        served_models().model(model), call, CallContext("t", "c")
    )


def seen(data: bytes) -> ImagePart:
    return ImagePart.model_construct(media_type="image/png", data=data)


def user(*parts: Part) -> Message:
    return Message.model_construct(role="user", content=parts)


def assistant(text: str) -> Message:
    return Message(role="assistant", content=(TextPart(text=text),))


def chat(*turns: Message, **more: Any) -> ChatCall:
    return ChatCall(messages=(user(TextPart(text="x")),)).model_copy(
        update={"messages": turns, **more}
    )


def test_a_picture_alone_should_be_captioned() -> None:
    reply = answered(
        CaptionImageFunction, captions(blip2_files()), "shapes-captions", chat(user(seen(RED)))
    )
    assert reply.output == ChatOutput(text="a red", finish="stop")
    assert (reply.model, reply.answered_by) == ("shapes-captions", "tried/3")
    assert (reply.usage, reply.seconds) == (Usage(tokens_in=2, tokens_out=2), 0.25)


def test_what_did_not_end_should_say_so_as_everywhere() -> None:
    call = chat(user(seen(RED)), max_tokens=1)
    reply = answered(CaptionImageFunction, captions(blip2_files()), "shapes-captions", call)
    assert reply.output == ChatOutput(text="a", finish="length")


def test_a_question_beside_a_picture_should_be_answered() -> None:
    call = chat(user(TextPart(text="Which colour?"), seen(BLUE)))
    reply = answered(AnswerImageFunction, answers(blip2_files()), "shapes-answers", call)
    assert reply.output == ChatOutput(text="blue", finish="stop")


def test_earlier_turns_should_show_what_is_asked() -> None:
    turns = [user(seen(WHITE)), assistant("light"), user(seen(BLACK))]
    client = answers(flamingo_files())
    reply = answered(AnswerImageFunction, client, "shapes-flamingo", chat(*turns))
    assert reply.output == ChatOutput(text="dark", finish="stop")
    assert reply.usage == Usage(tokens_in=8, tokens_out=1)
    assert [each["answer"] for each in client.asked[0]["shots"]] == ["light"]


TWICE = [user(seen(RED)), assistant("red"), user(seen(BLUE))]


@pytest.mark.parametrize(
    ("turns", "told", "limit"),
    [
        (TWICE, "captions 1 picture", "1 picture"),
        ([user(TextPart(text="hello"))], r"messages\.0 has 0 pictures", "1 picture"),
        ([user(seen(RED), seen(BLUE))], r"messages\.0 has 2 pictures", "1 picture"),
        ([user(seen(RED), TextPart(text="which?"))], "takes no words", None),
        ([user(seen(RED), ToolResult(id="a", text="b"))], "does not take", None),
        ([user(seen(b"\0" * (MAX_BYTES + 1)))], "have 4194305 bytes", f"{MAX_BYTES} bytes"),
        ([user(seen(b"none"))], "image is no picture", None),
    ],
)
def test_a_captioner_should_refuse_what_it_does_not_take(
    turns: Sequence[Message], told: str, limit: str | None
) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        answered(CaptionImageFunction, captions(blip2_files()), "shapes-captions", chat(*turns))
    assert refused.value.limit == limit


SHOWN = [user(seen(WHITE)), assistant("light")]


@pytest.mark.parametrize(
    ("turns", "told"),
    [
        ([*SHOWN * 3, user(seen(RED))], "shown 2 pictures with their answers at most, and 3"),
        ([*SHOWN, user(seen(RED), TextPart(text="which?"))], "takes no words about a picture"),
        (
            [user(seen(RED), TextPart(text="which?")), assistant("red"), user(seen(RED))],
            "answers one question",
        ),
        ([user(TextPart(text="red?")), assistant("red"), user(seen(RED))], "has 0 pictures"),
        ([*SHOWN, user(seen(RED), seen(RED))], r"messages\.2 has 2 pictures"),
        ([user(seen(RED)), assistant("a red"), user(seen(RED))], "has to be one word"),
        ([user(seen(RED)), user(seen(RED))], "Turns alternate"),
        (SHOWN, "Turns alternate"),
    ],
)
def test_a_conversation_of_another_kind_should_be_refused(
    turns: Sequence[Message], told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        answered(AnswerImageFunction, answers(flamingo_files()), "shapes-flamingo", chat(*turns))


@pytest.mark.parametrize(
    ("more", "field"), [({"system": "Be brief."}, "system"), ({"stop": ("red",)}, "stop")]
)
def test_what_neither_takes_should_be_refused_by_its_field(more: Any, field: str) -> None:
    call = chat(user(seen(RED)), **more)
    for kind in (CaptionImageFunction, AnswerImageFunction):
        with pytest.raises(InvalidInput, match="takes no") as refused:
            answered(kind, captions(blip2_files()), "shapes-captions", call)
        assert refused.value.field == field


def classified(call: ClassifyCall, client: InProcess | None = None) -> Any:
    request = vision.ClassifyImageRequest
    client = client or running(classify_image, request, clip_files(), clip.open_model)
    return answered(ClassifyImageFunction, client, "shapes-classes", call)


CLASSES = ClassifyCall.model_construct(
    task="classification", images=(seen(RED), seen(BLUE)), labels=("red", "blue"), templates=()
)


def test_labels_should_have_shares_of_each_picture() -> None:
    reply = classified(CLASSES)
    assert isinstance(reply.output, ClassifyOutput)
    assert reply.output.labels == ("red", "blue")
    assert [row.index(max(row)) for row in reply.output.shares] == [0, 1]
    assert (reply.usage, reply.seconds) == (Usage(tokens_in=14, images=2), 0.25)
    assert (reply.model, reply.answered_by) == ("shapes-classes", "tried/3")


@pytest.mark.parametrize("shares", [[[0.5, 0.5]], [[1.0], [1.0]]])
def test_shares_of_other_pictures_or_labels_should_not_be_believed(shares: Any) -> None:
    answer = {"shares": shares, "version": "v/1", "tokens": 1, "seconds": 0.1}
    with pytest.raises(ModelFailure, match="not of 2 for each of 2 pictures"):
        classified(CLASSES, InProcess(lambda _: answer))


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        (CaptionImageFunction, "shapes-captions"),
        (AnswerImageFunction, "shapes-answers"),
        (ClassifyImageFunction, "shapes-classes"),
    ],
)
def test_other_calls_should_be_refused(kind: Any, model: str) -> None:
    with pytest.raises(Unsupported, match="does not answer calls of embedding"):
        answered(kind, captions(blip2_files()), model, EmbedCall(texts=("a",)))
