from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from chalicelib.adapters.models.image_functions import EmbedImageFunction
from chalicelib.contracts.generations import (
    ChatCall,
    EmbedCall,
    EmbedOutput,
    ImagePart,
    Message,
    TextPart,
    Usage,
)
from chalicelib.contracts.vision import MAX_BYTES
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Transient,
    Unsupported,
)
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.inference.clip import ClipModel, open_model
from chalicelib.inference.hot_swap import OpenModel
from functions.run_model.embed_image import parse, run
from tests.exported_clip import clip_files, image_file, unit
from tests.exported_models import read, version
from tests.model_deps import task_deps
from tests.unit.adapters.models.in_process import InProcess

MODEL = served_models().model("emoji-clip")
FILES = clip_files()


class Models:
    """One model that is swapped after so many looks, None for never."""

    def __init__(self, swapped_after: int | None = None) -> None:
        self.left = swapped_after
        self.model = open_model(read(FILES))

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[ClipModel]:
        assert name == "emoji-clip"
        number = 1 if self.left is None or self.left > 0 else 2
        self.left = None if self.left is None else self.left - 1
        return OpenModel(self.model, version(FILES, number))


def embedding(models: Models | None = None) -> InProcess:
    deps = task_deps(models or Models(), step=0.25)

    def handler(event: Any) -> Any:
        return run(parse(event), deps).model_dump(mode="json")

    return InProcess(handler)


def answered(client: InProcess, call: Any, seconds: float | None = None) -> Any:
    function = EmbedImageFunction(client.within, "embed", 25)
    return function.answer(MODEL, call, CallContext("t", "c", seconds_left=seconds))


def pictured(*data: bytes) -> EmbedCall:
    parts = [ImagePart.model_construct(media_type="image/png", data=each) for each in data]
    return EmbedCall.model_construct(texts=(), images=tuple(parts), dimensions=None)


def test_pictures_and_texts_should_be_embedded_in_order() -> None:
    reply = answered(embedding(), pictured(image_file((255, 0, 0)), image_file((0, 0, 255))))
    assert isinstance(reply.output, EmbedOutput)
    assert np.allclose(reply.output.vectors, [unit(1, -1, -1), unit(-1, -1, 1)], atol=1e-5)
    assert (reply.usage, reply.seconds) == (Usage(images=2), 0.25)
    assert (reply.model, reply.answered_by) == ("emoji-clip", "tried/1")
    told = answered(embedding(), EmbedCall(texts=("red", "blue")))
    assert np.allclose(told.output.vectors, reply.output.vectors, atol=1e-5)
    assert told.usage == Usage(tokens_in=6)


def test_many_should_be_embedded_in_bounded_invocations() -> None:
    client = embedding()
    reply = answered(client, EmbedCall(texts=("red",) * 130))
    assert [len(each["texts"]) for each in client.asked] == [64, 64, 2]
    assert (len(reply.output.vectors), reply.usage, reply.seconds) == (
        130,
        Usage(tokens_in=390),
        0.75,
    )


def test_vectors_of_two_versions_should_never_be_one_answer() -> None:
    with pytest.raises(Transient, match="was swapped meanwhile") as raised:
        answered(embedding(Models(swapped_after=1)), EmbedCall(texts=("red",) * 65))
    assert (raised.value.usage, raised.value.seconds) == (Usage(tokens_in=65 * 3), 0.5)


def test_pictures_too_large_for_an_invocation_should_be_refused_before_it() -> None:
    client = embedding()
    with pytest.raises(InvalidInput, match="the pictures have 4194305 bytes") as refused:
        answered(client, pictured(b"\0" * MAX_BYTES, b"\0"))
    assert (refused.value.field, refused.value.limit) == ("images", f"{MAX_BYTES} bytes")
    assert refused.value.seconds == 0
    assert client.asked == []


def test_what_the_function_refuses_should_be_told() -> None:
    with pytest.raises(InvalidInput, match=r"images\.0 is no picture") as refused:
        answered(embedding(), pictured(b"none"))
    assert refused.value.seconds > 0
    assert refused.value.usage is None


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        ({"vectors": [], "version": "v/1", "seconds": 0.1}, ModelFailure, "0 vectors for 1"),
        ({"vectors": [[1.0]]}, ModelFailure, "answer is malformed"),
    ],
)
def test_an_answer_of_another_kind_should_not_be_believed(
    answer: Any, kind: type[HeadraceError], told: str
) -> None:
    with pytest.raises(kind, match=told) as raised:
        answered(InProcess(lambda _: answer), EmbedCall(texts=("red",)))
    assert raised.value.seconds > 0


def test_a_model_that_is_not_served_should_be_the_field_s_fault() -> None:
    def none(_: Any) -> Any:
        raise Conflict("No version of emoji-clip is served on this stage.")

    with pytest.raises(Conflict, match="No version of emoji-clip") as raised:
        answered(InProcess(none), EmbedCall(texts=("red",)))
    assert raised.value.field == "model"


def test_no_more_time_should_be_waited_than_is_left() -> None:
    client = embedding()
    answered(client, EmbedCall(texts=("red",)), seconds=3.5)
    assert client.waits == [3]


def test_other_calls_should_be_refused() -> None:
    chat = ChatCall(messages=(Message(role="user", content=(TextPart(text="red"),)),))
    with pytest.raises(Unsupported, match="emoji-clip does not answer calls of chat"):
        answered(embedding(), chat)
