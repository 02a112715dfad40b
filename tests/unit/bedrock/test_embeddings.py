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
from localcloud.bedrock.embeddings import cohere, nova
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
    answer, tokens = cohere(asked(), Embedder(), NAMED)
    assert (answer["embeddings"], tokens) == ([[0.5] * 4] * 2, 12)
    assert answer["response_type"] == "embeddings_floats"
    assert (answer["texts"], answer["localModel"]) == (["one", "two"], {"name": "tiny"})
    by_type, _ = cohere(asked(embedding_types=["float"], output_dimension=4), Embedder(), NAMED)
    assert by_type["embeddings"] == {"float": [[0.5] * 4] * 2}
    assert by_type["response_type"] == "embeddings_by_type"
    cohere(asked(texts=["long"], truncate="END"), Embedder(), NAMED)


def test_nova_should_give_its_one_vector() -> None:
    answer, tokens = nova(single(embeddingDimension=4), Embedder(), NAMED)
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
        cohere(body, Embedder(), NAMED)


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
        nova(body, Embedder(), NAMED)
