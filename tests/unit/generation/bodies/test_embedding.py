from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import EmbedCall
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.bodies.embeddings import BEDROCK_FORMATS, EmbeddedTexts

TEXTS = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=200).map(tuple)


def texts_of(schema: str, body: dict[str, Any]) -> list[str]:
    if schema == "titan-embed-v2":
        return [body["inputText"]]
    if schema == "nova-embed":
        return [body["singleEmbeddingParams"]["text"]["value"]]
    texts: list[str] = body["texts"]
    return texts


@pytest.mark.parametrize("schema", BEDROCK_FORMATS)
@given(texts=TEXTS)
def test_every_text_should_be_asked_for_once_and_in_order(
    schema: str, texts: tuple[str, ...]
) -> None:
    bodies = list(BEDROCK_FORMATS[schema].requests(EmbedCall(texts=texts)))
    assert [text for body in bodies for text in texts_of(schema, body)] == list(texts)
    assert all(1 <= len(texts_of(schema, body)) <= 96 for body in bodies)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ("titan-embed-v2", lambda body: body["dimensions"]),
        ("cohere-embed-v4", lambda body: body["output_dimension"]),
        ("nova-embed", lambda body: body["singleEmbeddingParams"]["embeddingDimension"]),
    ],
)
def test_dimensions_should_be_asked_for_where_the_model_takes_them(schema: str, where: Any) -> None:
    (body,) = BEDROCK_FORMATS[schema].requests(EmbedCall(texts=("a",), dimensions=256))
    assert where(body) == 256


def test_dimensions_should_be_refused_where_there_is_no_choice() -> None:
    with pytest.raises(InvalidInput, match="leave dimensions out") as refused:
        list(BEDROCK_FORMATS["cohere-embed-v3"].requests(EmbedCall(texts=("a",), dimensions=256)))
    assert refused.value.field == "dimensions"


@pytest.mark.parametrize(
    ("schema", "body", "found"),
    [
        (
            "titan-embed-v2",
            {"embedding": [1, 0.5], "inputTextTokenCount": 3},
            EmbeddedTexts(((1.0, 0.5),), 3),
        ),
        (
            "cohere-embed-v4",
            {"embeddings": {"float": [[1, 0], [0, 1]]}},
            EmbeddedTexts(((1.0, 0.0), (0.0, 1.0)), None),
        ),
        (
            "nova-embed",
            {"embeddings": [{"embeddingType": "TEXT", "embedding": [1]}]},
            EmbeddedTexts(((1.0,),), None),
        ),
    ],
)
def test_the_vectors_of_an_answer_should_be_read(
    schema: str, body: dict[str, Any], found: EmbeddedTexts
) -> None:
    assert BEDROCK_FORMATS[schema].answer(body) == found


@pytest.mark.parametrize("schema", BEDROCK_FORMATS)
@pytest.mark.parametrize("body", [{}, {"embeddings": []}, {"embeddings": {}}])
def test_another_shape_should_be_a_failure_of_the_model(schema: str, body: dict[str, Any]) -> None:
    with pytest.raises(ModelFailure, match="has no"):
        BEDROCK_FORMATS[schema].answer(body)
