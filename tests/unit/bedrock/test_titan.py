from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from localcloud.bedrock.titan import embed
from localcloud.errors import AwsError


class Embedder:
    dimensions = 4

    def embed_counted(
        self, texts: Sequence[str], *, truncate: bool = False
    ) -> tuple[NDArray[np.float32], int]:
        if texts == ("long",):
            raise InvalidInput("Text 0 has 300 tokens; the model takes 256.")
        return np.array([[0.5, 0.5, 0.5, 0.5]], np.float32), 6


def asked(request: dict[str, Any]) -> dict[str, Any]:
    answer, tokens = embed(request, Embedder(), {"localModel": {"name": "tiny"}})
    assert tokens == 6
    return answer


@pytest.mark.parametrize(
    "further", [{}, {"dimensions": 4}, {"normalize": True, "embeddingTypes": ["float"]}]
)
def test_it_answers_in_titans_shape_and_names_who_answered(further: dict[str, Any]) -> None:
    assert asked({"inputText": "Hello", **further}) == {
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
        asked(request_body)
    assert caught.value.code == "ValidationException"
