"""Vectors in the bodies of Cohere and Nova.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v3.html
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from localcloud.bedrock.bodies.embeddings import embed_cohere, embed_nova, embed_titan
from localcloud.errors import AwsError

NAMED = {"localModel": {"name": "tiny"}}


class Embedder:
    dimensions = 4

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        if "long" in texts and not truncate:
            raise InvalidInput("Text 0 has 300 tokens; the model takes 256.")
        return np.full((len(texts), 4), 0.5, np.float32), 6 * len(texts)


def asked(**more: Any) -> dict[str, Any]:
    return {"texts": ["one", "two"], "input_type": "search_document", **more}


def single(**more: Any) -> dict[str, Any]:
    params = {
        "embeddingPurpose": "GENERIC_INDEX",
        "text": {"truncationMode": "NONE", "value": "one"},
        **more,
    }
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def test_cohere_should_give_a_vector_a_text_of_honest_length() -> None:
    answer, tokens = embed_cohere(asked(), Embedder(), NAMED)
    assert (answer["embeddings"], tokens) == ([[0.5] * 4] * 2, 12)
    assert answer["response_type"] == "embeddings_floats"
    assert (answer["texts"], answer["localModel"]) == (["one", "two"], {"name": "tiny"})
    by_type, _ = embed_cohere(
        asked(embedding_types=["float"], output_dimension=4), Embedder(), NAMED
    )
    assert by_type["embeddings"] == {"float": [[0.5] * 4] * 2}
    assert by_type["response_type"] == "embeddings_by_type"
    embed_cohere(asked(texts=["long"], truncate="END"), Embedder(), NAMED)


def test_nova_should_give_its_one_vector() -> None:
    answer, tokens = embed_nova(single(embeddingDimension=4), Embedder(), NAMED)
    assert answer["embeddings"] == [{"embeddingType": "TEXT", "embedding": [0.5] * 4}]
    assert tokens == 6


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (asked(texts=[]), "1 to 96 texts"),
        (asked(texts=["x"] * 97), "1 to 96 texts"),
        (asked(texts="one"), "1 to 96 texts"),
        (asked(input_type="image"), "input_type must be one of"),
        (asked(embedding_types=["int8"]), "float only"),
        (asked(output_dimension=1024), "embeds in 4 dimensions only"),
        (asked(truncate="START"), "truncate NONE or END, not START"),
        (asked(texts=["long"]), "has 300 tokens"),
        (asked(images=[]), r"extraneous key \[images\]"),
    ],
)
def test_what_cohere_is_not_given_here_should_be_refused(
    body: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        embed_cohere(body, Embedder(), NAMED)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"taskType": "SEGMENTED_EMBEDDING"}, "SINGLE_EMBEDDING only"),
        ({"taskType": "SINGLE_EMBEDDING"}, r"required key \[singleEmbeddingParams\]"),
        (single(embeddingDimension=3072), "embeds in 4 dimensions only"),
        (single(embeddingPurpose="X"), "embeddingPurpose must be one of"),
        (single(image={}), r"extraneous key \[image\]"),
        (single(text={"truncationMode": "NONE"}), "text.value only"),
    ],
)
def test_what_nova_is_not_given_here_should_be_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        embed_nova(body, Embedder(), NAMED)


class TitanEmbedder:
    dimensions = 4

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        if texts == ("long",):
            raise InvalidInput("Text 0 has 300 tokens; the model takes 256.")
        return np.array([[0.5, 0.5, 0.5, 0.5]], np.float32), 6


def titan_answer(request: dict[str, Any]) -> dict[str, Any]:
    answer, tokens = embed_titan(request, TitanEmbedder(), {"localModel": {"name": "tiny"}})
    assert tokens == 6
    return answer


@pytest.mark.parametrize(
    "further", [{}, {"dimensions": 4}, {"normalize": True, "embeddingTypes": ["float"]}]
)
def test_it_answers_in_titans_shape_and_names_who_answered(further: dict[str, Any]) -> None:
    assert titan_answer({"inputText": "Hello", **further}) == {
        "embedding": [0.5] * 4,
        "embeddingsByType": {"float": [0.5] * 4},
        "inputTextTokenCount": 6,
        "localModel": {"name": "tiny"},
    }


@pytest.mark.parametrize(
    ("request_body", "message"),
    [
        ({}, "inputText must be a text"),
        ({"inputText": ""}, "inputText must be a text"),
        ({"inputText": "x", "texts": []}, r"extraneous key \[texts\]"),
        ({"inputText": "x", "dimensions": 512}, "embeds in 4 dimensions only"),
        ({"inputText": "x", "normalize": False}, "always normalised"),
        ({"inputText": "x", "embeddingTypes": ["binary"]}, "float only"),
        ({"inputText": "long"}, "has 300 tokens"),
    ],
)
def test_what_it_cannot_do_it_refuses(request_body: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        titan_answer(request_body)
    assert caught.value.code == "ValidationException"
