from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.adapters.models.function import FunctionCaller
from chalicelib.adapters.models.image_functions import GenerateImageFunction
from chalicelib.contracts.generations import EmbedCall, ImageCall, ImageOutput, Usage
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
from chalicelib.generation.models import ModelRoute
from tests.unit.adapters.models.test_functions import answering

MODEL = served_models().model("digits-vae")
ROUTE = ModelRoute("generate_image", "us-east-1", "region", Decimal(1))
CALL = ImageCall(prompt="seven", count=2, width=64, height=64, seed=7, to_seed=8)
REQUEST = {
    "model": "digits-vae",
    "correlation_id": "c",
    "caller": "",
    "variant": "",
    "prompt": "",
    "negative_prompt": "",
    "count": 2,
    "width": 64,
    "height": 64,
    "seed": 7,
    "to_seed": 8,
    "steps": None,
    "guidance": None,
}
PICTURES = [base64.b64encode(each).decode() for each in (b"first", b"second")]
ANSWER: dict[str, Any] = {"images": PICTURES, "version": "vae/3", "seconds": 0.25}


def drawn(
    answer: object, failed: str | None = None, call: ImageCall = CALL, seconds: float | None = None
) -> tuple[Any, list[int]]:
    """Return the reply to `call`, and how long the client that was asked waits."""
    waits: list[int] = []
    with answering("draw", REQUEST, answer, failed) as client:

        def client_of(seconds: int) -> Any:
            waits.append(seconds)
            return client

        backend = FunctionCaller({"generate_image": GenerateImageFunction(client_of, "draw", 25)})
        return backend.generate(
            MODEL, ROUTE, call, CallContext("t", "c", seconds_left=seconds)
        ), waits


def test_should_ask_the_function_without_words_that_the_model_does_not_take() -> None:
    reply, _ = drawn(ANSWER)
    assert isinstance(reply.output, ImageOutput)
    assert reply.output.images == (b"first", b"second")
    assert (reply.model, reply.answered_by) == ("digits-vae", "vae/3")
    assert (reply.usage, reply.seconds) == (Usage(images=2), 0.25)
    assert reply.model_dump(mode="json")["output"]["images"] == PICTURES


@pytest.mark.parametrize(("left", "waited"), [(None, 25), (60.0, 25), (12.5, 10), (3.5, 3)])
def test_should_wait_no_longer_than_the_call_may_take(left: float | None, waited: int) -> None:
    _, waits = drawn(ANSWER, seconds=left)
    assert waits == [waited]


@pytest.mark.parametrize(
    ("answer", "failed", "kind", "told"),
    [
        ({**ANSWER, "images": PICTURES[:1]}, None, ModelFailure, "gave 1 pictures and not 2"),
        ({"images": PICTURES}, None, ModelFailure, "drawing function's answer is malformed"),
        (
            {"errorType": "Conflict", "errorMessage": "No version of digits-vae is served"},
            "Unhandled",
            Conflict,
            "No version of digits-vae is served",
        ),
        (
            {"errorType": "ModelFailure", "errorMessage": "decoder.onnx is gone"},
            "Unhandled",
            ModelFailure,
            "decoder.onnx is gone",
        ),
        ({"errorType": "Sandbox.Timedout"}, "Unhandled", Transient, "no message"),
    ],
)
def test_should_tell_why_there_are_no_pictures(
    answer: object, failed: str | None, kind: type[HeadraceError], told: str
) -> None:
    with pytest.raises(kind, match=told) as raised:
        drawn(answer, failed)
    assert raised.value.field == ("model" if kind is Conflict else None)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_should_refuse_a_seed_that_is_none_before_it_asks(seed: int) -> None:
    with pytest.raises(InvalidInput, match=r"^seed: Input should be") as refused:
        drawn(ANSWER, call=CALL.model_copy(update={"seed": seed}))
    assert refused.value.field == "seed"


def test_should_refuse_what_is_no_call_for_pictures() -> None:
    def unasked(seconds: int) -> Any:
        raise AssertionError(seconds)

    function = GenerateImageFunction(unasked, "draw", 25)
    with pytest.raises(Unsupported, match="digits-vae does not answer calls of embedding"):
        function.answer(MODEL, EmbedCall(texts=("a",)), CallContext("t", "c"))
