from __future__ import annotations

import base64
import json
import struct
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    MAX_TEXTS,
    EmbedCall,
    EmbedOutput,
    Generation,
    ImageCall,
    ImageOutput,
    Output,
    Usage,
)
from chalicelib.contracts.openai.embeddings import EmbeddingRequest
from chalicelib.contracts.openai.images import ImageRequest
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from chalicelib.openai.embeddings import embed_call, embedding_list, encode_vector
from chalicelib.openai.embeddings import terms as embedding_terms
from chalicelib.openai.images import image_call, image_list


def embeds(given: Any, **more: Any) -> EmbeddingRequest:
    body = {"model": "auto", "input": given, **more}
    return EmbeddingRequest.model_validate_json(json.dumps(body))


def draws(**more: Any) -> ImageRequest:
    return ImageRequest.model_validate_json(json.dumps({"prompt": "a weir", **more}))


def generated(output: Output, usage: Usage) -> Generation:
    return Generation(
        generation_id="g",
        created_at=datetime(2026, 11, 26, tzinfo=UTC),
        model="m",
        answered_by="small",
        output=output,
        usage=usage,
        attempts=(),
        plan=(),
        receipt=Receipt(),
    )


@pytest.mark.parametrize(("text", "texts"), [("a", ("a",)), (["a", "b"], ("a", "b"))])
def test_texts_should_be_taken_alone_and_in_lists(text: Any, texts: tuple[str, ...]) -> None:
    assert embed_call(embeds(text, dimensions=8)) == EmbedCall(texts=texts, dimensions=8)


def test_no_other_model_should_take_the_place_of_one_that_is_named() -> None:
    assert not embedding_terms(embeds("a")).fallback


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ([1, 2], Unsupported),
        ([[1], [2]], Unsupported),
        ([], InvalidInput),
        ("", InvalidInput),
        (["a", ""], InvalidInput),
        (["a"] * (MAX_TEXTS + 1), InvalidInput),
    ],
)
def test_what_is_no_text_should_be_refused(text: Any, kind: type[HeadraceError]) -> None:
    with pytest.raises(kind) as refused:
        embed_call(embeds(text))
    assert refused.value.field == "input"


def test_vectors_should_be_written_as_asked_for() -> None:
    output = EmbedOutput(vectors=((0.5, -1.0), (2.0, 0.0)))
    generation = generated(output, Usage(tokens_in=3))
    numbers = embedding_list(generation, output, embeds(["a", "b"]))
    floats = embedding_list(generation, output, embeds(["a", "b"], encoding_format="base64"))
    assert [each.embedding for each in numbers.data] == list(output.vectors)
    assert [each.index for each in floats.data] == [0, 1]
    assert floats.data[0].embedding == base64.b64encode(struct.pack("<2f", 0.5, -1.0)).decode()
    assert (numbers.usage.prompt_tokens, numbers.usage.total_tokens) == (3, 3)


@given(st.lists(st.floats(width=32, allow_nan=False), max_size=20))
def test_packed_floats_should_be_read_again(vector: list[float]) -> None:
    raw = base64.b64decode(encode_vector(vector))
    assert list(struct.unpack(f"<{len(vector)}f", raw)) == vector


def test_a_request_for_pictures_should_become_a_call() -> None:
    asked = draws(n=2, size="512x256", negative_prompt="people", seed=4, quality="hd")
    assert image_call(asked) == ImageCall(
        prompt="a weir", negative_prompt="people", count=2, width=512, height=256, seed=4
    )
    assert image_call(draws(size="auto")) == ImageCall(prompt="a weir")
    ours: dict[str, Any] = {"seed": 4, "to_seed": 5, "steps": 10, "guidance": 1.5}
    assert image_call(draws(**ours)) == ImageCall(prompt="a weir", **ours)


@pytest.mark.parametrize(
    ("more", "kind", "field"),
    [
        ({"response_format": "url"}, Unsupported, "response_format"),
        ({"size": "large"}, InvalidInput, "size"),
        ({"size": "4x4"}, InvalidInput, "size"),
        ({"size": "5000x5000"}, InvalidInput, "size"),
    ],
)
def test_pictures_that_cannot_be_had_so_should_be_refused(
    more: dict[str, Any], kind: type[HeadraceError], field: str
) -> None:
    with pytest.raises(kind) as refused:
        image_call(draws(**more))
    assert refused.value.field == field


def test_pictures_should_come_as_base64() -> None:
    output = ImageOutput(images=(base64.b64encode(b"PNG"),))
    told = image_list(generated(output, Usage(images=1)), output)
    assert [base64.b64decode(image.b64_json) for image in told.data] == [b"PNG"]
