from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from chalicelib.adapters.functions import EmbedFunction, LabelFunction, RerankFunction
from chalicelib.contracts.functions.rerank_passages import MAX_PASSAGES
from chalicelib.contracts.picture_labels import Label
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Throttled,
    Transient,
    Unsupported,
)
from tests import clients
from tests.unit.retrieval.fakes import hit

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


@contextmanager
def answering(
    name: str, request: object, answer: object, function_error: str | None = None
) -> Iterator[LambdaClient]:
    """Yield a client whose function `name` answers `request`, and nothing else, with `answer`."""
    client = clients.client("lambda")
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    response: dict[str, object] = {
        "StatusCode": 200,
        "Payload": StreamingBody(io.BytesIO(raw), len(raw)),
    }
    if function_error:
        response["FunctionError"] = function_error
    payload = json.dumps(request, separators=(",", ":")).encode()
    with Stubber(client) as stub:
        stub.add_response("invoke", response, {"FunctionName": name, "Payload": payload})
        yield client


def embed_request(model: str = "", question: str = "") -> dict[str, object]:
    return {
        "texts": ["a text"],
        "model": model,
        "truncate": True,
        "question": question,
        "correlation_id": "req-1",
    }


def compare(answer: object) -> float:
    with answering("embed", embed_request(question="Why?"), answer) as client:
        found = EmbedFunction(client, "embed").compare("Why?", ["a text"], "req-1")
        return found.matches[0].cosine


def embed(answer: object, function_error: str | None = None) -> tuple[float, ...]:
    request = embed_request(model="minilm")
    with answering("embed", request, answer, function_error) as client:
        return EmbedFunction(client, "embed").embed(["a text"], "req-1", "minilm").vectors[0]


def rerank(answer: object, function_error: str | None = None) -> tuple[float, ...]:
    passages = [{"text": "a pump", "heading": "H", "share": 1.0}]
    request = {"query": "pump", "passages": passages, "correlation_id": "req-1"}
    with answering("rerank", request, answer, function_error) as client:
        found = [hit("a pump", heading="H", score=0.03)]
        return RerankFunction(client, "rerank").rerank("pump", found, "req-1").scores


def test_should_return_the_function_s_vectors() -> None:
    answer = {"vectors": [[0.6, 0.8]], "model": "m", "tokens": 2, "seconds": 0.1}
    assert embed(answer) == (0.6, 0.8)


def test_should_return_the_function_s_comparisons() -> None:
    match = {"cosine": 0.4, "words": [0.4], "own": [0.1, 0.4]}
    answer = {"vectors": [[1.0]], "model": "m", "tokens": 2, "seconds": 0.1, "matches": [match]}
    assert compare(answer) == 0.4
    with pytest.raises(ModelFailure, match="gave 0 comparisons for 1 texts"):
        compare(answer | {"matches": []})


@pytest.mark.parametrize(
    ("error_type", "expected"),
    [
        ("InvalidInput", InvalidInput),
        ("ModelFailure", ModelFailure),
        ("Throttled", Throttled),
        ("KeyError", Transient),
        ("Sandbox.Timedout", Transient),
    ],
)
def test_should_raise_what_the_function_raised(
    error_type: str, expected: type[HeadraceError]
) -> None:
    with pytest.raises(expected, match="why"):
        embed({"errorType": error_type, "errorMessage": "why"}, "Unhandled")


@pytest.mark.parametrize(
    "answer",
    [b"null", b"not json", {"vectors": [], "model": "m", "tokens": 0, "seconds": 0}, {"x": 1}],
)
def test_should_not_take_a_malformed_answer(answer: object) -> None:
    with pytest.raises(ModelFailure):
        embed(answer)


def test_should_return_the_reranker_s_scores() -> None:
    assert rerank({"scores": [1.5], "model": "m", "tokens": 5, "seconds": 0.1}) == (1.5,)


@pytest.mark.parametrize(
    ("answer", "function_error", "expected"),
    [
        (b"null", None, ModelFailure),
        ({"scores": [1, 2], "model": "m", "tokens": 5, "seconds": 0.1}, None, ModelFailure),
        ({"errorType": "Sandbox.Timedout", "errorMessage": "late"}, "Unhandled", Transient),
        ({"errorType": "ModelFailure", "errorMessage": "missing"}, "Unhandled", ModelFailure),
    ],
)
def test_should_not_take_another_number_of_scores_nor_a_failure(
    answer: object, function_error: str | None, expected: type[HeadraceError]
) -> None:
    with pytest.raises(expected):
        rerank(answer, function_error)


def test_should_refuse_more_passages_than_the_function_takes() -> None:
    client = clients.client("lambda")
    with pytest.raises(InvalidInput, match="cannot be reranked"):
        RerankFunction(client, "rerank").rerank("q", [hit("a")] * (MAX_PASSAGES + 1), "")


def test_should_send_a_picture_to_be_labelled_and_return_what_is_seen() -> None:
    data = bytes(range(256)) * 2
    request = {"data": base64.b64encode(data).decode(), "correlation_id": "req-1"}
    answer = {
        "media_type": "image/png",
        "labels": [{"name": "tabby, tabby cat", "share": 0.5}],
        "model": "efficientnet-lite0",
        "seconds": 0.1,
    }
    with answering("look", request, answer) as client:
        seen = LabelFunction(client, "look").label(data, "req-1")
    assert seen.labels == (Label(name="tabby, tabby cat", share=0.5),)


@pytest.mark.parametrize("error", [InvalidInput, Unsupported, ModelFailure])
def test_should_raise_what_looking_at_a_picture_raised(error: type[HeadraceError]) -> None:
    request = {"data": "aGk=", "correlation_id": "req-1"}
    answer = {"errorType": error.__name__, "errorMessage": "The picture is damaged."}
    with (
        answering("look", request, answer, "Unhandled") as client,
        pytest.raises(error, match="damaged"),
    ):
        LabelFunction(client, "look").label(b"hi", "req-1")


def test_should_refuse_a_picture_in_which_nothing_is_seen() -> None:
    request = {"data": "aGk=", "correlation_id": "req-1"}
    nothing = {"media_type": "image/png", "labels": [], "model": "m", "seconds": 0}
    with answering("look", request, nothing) as client, pytest.raises(ModelFailure):
        LabelFunction(client, "look").label(b"hi", "req-1")
