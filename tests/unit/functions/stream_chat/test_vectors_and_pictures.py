from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from chalicelib.contracts.generations import (
    ChatOutput,
    EmbedCall,
    EmbedOutput,
    ImageCall,
    ImageOutput,
    Output,
)
from functions.stream_chat.core import run
from tests.unit.functions.stream_chat.generating import Giving, body_of, event

EMBEDDINGS = "/v1/embeddings"
IMAGES = "/v1/images/generations"
VECTORS = EmbedOutput(vectors=((0.5, -1.0), (0.25, 2.0)))
PICTURE = ImageOutput(images=(base64.b64encode(b"PNG"),))


def test_should_embed_texts_and_let_no_other_model_take_the_place_of_one_that_is_named() -> None:
    giving = Giving(VECTORS)
    body = {"model": "minilm-l6-v2", "input": ["a", "b"]}
    answer = run(event(EMBEDDINGS, **body), giving.deps)
    told = body_of(answer)
    assert [each["embedding"] for each in told["data"]] == [[0.5, -1.0], [0.25, 2.0]]
    assert [each["index"] for each in told["data"]] == [0, 1]
    ((call, terms),) = giving.calls
    assert isinstance(call, EmbedCall)
    assert (call.texts, terms.model, terms.fallback) == (("a", "b"), "minilm-l6-v2", False)
    packed = body_of(run(event(EMBEDDINGS, **body, encoding_format="base64"), giving.deps))
    raw = base64.b64decode(packed["data"][1]["embedding"])
    assert struct.unpack("<2f", raw) == (0.25, 2.0)


def test_should_give_pictures_within_the_answer() -> None:
    giving = Giving(PICTURE)
    answer = run(event(IMAGES, prompt="a weir", size="512x256", n=1), giving.deps)
    assert base64.b64decode(body_of(answer)["data"][0]["b64_json"]) == b"PNG"
    ((call, terms),) = giving.calls
    assert isinstance(call, ImageCall)
    assert (call.width, call.height, terms.model) == (512, 256, "auto")


@pytest.mark.parametrize(
    ("route", "body", "param"),
    [
        (EMBEDDINGS, {"model": "auto", "input": [[1, 2]]}, "input"),
        (EMBEDDINGS, {"model": "auto", "input": [""]}, "input"),
        (EMBEDDINGS, {"input": "a"}, "model"),
        (IMAGES, {"prompt": "a", "size": "big"}, "size"),
        (IMAGES, {"prompt": "a", "response_format": "url"}, "response_format"),
        (IMAGES, {"prompt": "a", "output_format": "webp"}, "output_format"),
        (IMAGES, {"prompt": "a", "stream": True}, "stream"),
        (IMAGES, {"prompt": ""}, "prompt"),
    ],
)
def test_should_refuse_what_is_not_done(route: str, body: dict[str, Any], param: str) -> None:
    giving = Giving(VECTORS)
    answer = run(event(route, **body), giving.deps)
    told = body_of(answer)["error"]
    assert (answer.head.status, told["type"], told["param"]) == (
        *(400, "invalid_request_error"),
        param,
    )
    assert giving.calls == []


@pytest.mark.parametrize(
    ("route", "body", "output"),
    [
        (EMBEDDINGS, {"model": "auto", "input": "a"}, PICTURE),
        (IMAGES, {"prompt": "a"}, VECTORS),
        (
            "/v1/chat/completions",
            {"model": "auto", "messages": [{"role": "user", "content": "a"}]},
            VECTORS,
        ),
        ("/v1/responses", {"model": "auto", "input": "a"}, PICTURE),
        (EMBEDDINGS, {"model": "auto", "input": "a"}, ChatOutput(text="a")),
    ],
)
def test_should_take_an_answer_of_another_kind_for_a_failure_of_the_model(
    route: str, body: dict[str, Any], output: Output
) -> None:
    answer = run(event(route, **body), Giving(output).deps)
    assert (answer.head.status, body_of(answer)["error"]["code"]) == (502, "model_error")
