from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import EmbedCall
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.bodies.embeddings import ENDPOINT_FORMATS, TEXTS_A_REQUEST

NAMES = {"tei-embedding": "inputs", "openai-embedding": "input"}


def test_every_schema_should_be_known_here() -> None:
    assert ENDPOINT_FORMATS.keys() == NAMES.keys()


@pytest.mark.parametrize("schema", ENDPOINT_FORMATS)
@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=100).map(tuple))
def test_every_text_should_be_asked_for_once_and_in_order(
    schema: str, texts: tuple[str, ...]
) -> None:
    bodies = [
        body[NAMES[schema]] for body in ENDPOINT_FORMATS[schema].requests(EmbedCall(texts=texts))
    ]
    assert [text for body in bodies for text in body] == list(texts)
    assert all(1 <= len(body) <= TEXTS_A_REQUEST for body in bodies)


def test_dimensions_should_be_asked_for_where_they_can_be() -> None:
    call = EmbedCall(texts=("a",), dimensions=256)
    (body,) = ENDPOINT_FORMATS["openai-embedding"].requests(call)
    assert body["dimensions"] == 256
    with pytest.raises(InvalidInput, match="leave dimensions out"):
        list(ENDPOINT_FORMATS["tei-embedding"].requests(call))


def test_vectors_should_be_read_in_order_of_their_places() -> None:
    data = [{"index": 1, "embedding": [2]}, {"index": 0, "embedding": [1]}]
    read = ENDPOINT_FORMATS["openai-embedding"].answer(
        {"data": data, "usage": {"prompt_tokens": 4}}
    )
    assert (read.vectors, read.tokens) == (((1.0,), (2.0,)), 4)
    read = ENDPOINT_FORMATS["tei-embedding"].answer([[1, 2.5]])
    assert (read.vectors, read.tokens) == (((1.0, 2.5),), None)


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ("tei-embedding", {"error": "no"}),
        ("tei-embedding", [1.0]),
        ("tei-embedding", None),
        ("openai-embedding", []),
        ("openai-embedding", {"data": [{"index": 0}], "usage": {"prompt_tokens": 1}}),
        ("openai-embedding", {"data": []}),
    ],
)
def test_another_shape_should_be_the_models_failure(schema: str, body: Any) -> None:
    with pytest.raises(ModelFailure):
        ENDPOINT_FORMATS[schema].answer(body)
