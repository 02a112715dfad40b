"""Queries embedded by the model of a collection's pictures."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters import aws
from chalicelib.adapters.functions import EmbedPictureFunction
from chalicelib.contracts.vision import EmbedImageRequest
from chalicelib.errors import Conflict, HeadraceError, InvalidInput, ModelFailure, Transient
from chalicelib.wiring.queries import PICTURE_SECONDS, QueryServices
from tests.unit.adapters.models.in_process import InProcess
from tests.unit.adapters.models.test_query_clients import ENVIRON, GATEWAY_SECONDS

ANSWER = {"vectors": [[0.6, 0.8]], "version": "clip/2", "tokens": 3, "seconds": 0.1}


def raising(error: HeadraceError) -> Callable[[Any], Any]:
    def handler(event: Any) -> Any:
        raise error

    return handler


def function(handler: Callable[[Any], Any]) -> tuple[EmbedPictureFunction, InProcess]:
    client = InProcess(handler)
    return EmbedPictureFunction(client, "embed-image"), client  # type: ignore[arg-type]


def test_a_text_and_a_picture_should_be_asked_as_the_function_takes_them() -> None:
    embedder, client = function(lambda event: ANSWER)
    assert embedder.embed_text("emoji-clip", "a cat", "req-1").version == "clip/2"
    assert embedder.embed_picture("emoji-clip", b"bytes", "req-2").vectors == ((0.6, 0.8),)
    text, picture = (EmbedImageRequest.model_validate(each) for each in client.asked)
    assert (text.texts, text.images, text.correlation_id) == (("a cat",), (), "req-1")
    assert (picture.texts, picture.images, picture.model) == ((), (b"bytes",), "emoji-clip")
    assert client.asked[1]["images"] == [base64.b64encode(b"bytes").decode()]


@pytest.mark.parametrize("error", [Conflict("none"), InvalidInput("long"), Transient("later")])
def test_what_the_function_fails_by_should_be_told_by_its_name(error: HeadraceError) -> None:
    embedder, _ = function(raising(error))
    with pytest.raises(type(error), match=error.message):
        embedder.embed_text("emoji-clip", "a cat", "req-1")


@pytest.mark.parametrize("vectors", [[], [[0.6, 0.8], [0.6, 0.8]]])
def test_an_answer_of_another_count_should_be_a_failure(vectors: list[list[float]]) -> None:
    embedder, _ = function(lambda event: {**ANSWER, "vectors": vectors})
    with pytest.raises(ModelFailure, match=f"gave {len(vectors)} vectors for 1 query"):
        embedder.embed_text("emoji-clip", "a cat", "req-1")


def test_a_search_should_have_the_model_only_where_pictures_are_searched() -> None:
    def generates() -> None:
        raise AssertionError("no model is asked")

    named = ENVIRON | {"HEADRACE_MODEL_FUNCTIONS": "embed_image=pictures embed_text=texts"}
    without = {name: value for name, value in named.items() if "LABEL" not in name}
    for environ, has in ((named, True), (without, False), (ENVIRON, False)):
        searcher = QueryServices(environ, generates, 1.0).searcher  # type: ignore[arg-type]
        assert (searcher.images is not None) == has


def test_both_looks_at_a_picture_should_fit_into_the_gateways_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    aws.labels.cache_clear()
    aws.functions_within.cache_clear()
    waits = 0
    for client in (aws.labels(), aws.functions_within(PICTURE_SECONDS)):
        config: Any = client.meta.config
        waits += config.read_timeout
    assert waits + 2 < GATEWAY_SECONDS
    aws.labels.cache_clear()
    aws.functions_within.cache_clear()
