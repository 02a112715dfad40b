from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import MAX_IMAGES, ImageCall
from chalicelib.errors import ModelFailure
from chalicelib.generation.bodies.images import BEDROCK_FORMATS, SHAPES, nearest_shape

PICTURE = base64.b64encode(b"PNG").decode()


def count_of(body: dict[str, Any]) -> int:
    return int(body.get("imageGenerationConfig", {}).get("numberOfImages", 1))


def seed_of(body: dict[str, Any]) -> Any:
    return body.get("imageGenerationConfig", body).get("seed")


@pytest.mark.parametrize("schema", BEDROCK_FORMATS)
@given(count=st.integers(1, MAX_IMAGES), seed=st.integers(0, 1000))
def test_as_many_pictures_should_be_asked_for_and_no_two_by_one_seed(
    schema: str, count: int, seed: int
) -> None:
    call = ImageCall(prompt="a weir", negative_prompt="people", count=count, seed=seed)
    bodies = list(BEDROCK_FORMATS[schema].requests(call))
    assert sum(map(count_of, bodies)) == count
    assert all(count_of(body) <= 5 for body in bodies)
    seeds = [seed_of(body) for body in bodies]
    assert len(set(seeds)) == len(seeds)
    assert seeds[0] == seed


def test_the_words_should_reach_each_model_under_its_own_names() -> None:
    call = ImageCall(prompt="a weir", negative_prompt="people", width=512, height=768)
    (amazon,) = BEDROCK_FORMATS["amazon-image"].requests(call)
    (stability,) = BEDROCK_FORMATS["stability-image"].requests(call)
    assert amazon["textToImageParams"] == {"text": "a weir", "negativeText": "people"}
    assert amazon["imageGenerationConfig"] == {"numberOfImages": 1, "width": 512, "height": 768}
    assert stability["negative_prompt"] == "people"
    assert stability["aspect_ratio"] == "2:3"
    assert "seed" not in stability


@given(st.sampled_from(SHAPES), st.integers(1, 40))
def test_a_shape_that_there_is_should_be_kept(shape: str, scale: int) -> None:
    across, _, down = shape.partition(":")
    assert nearest_shape(int(across) * scale, int(down) * scale) == shape


@pytest.mark.parametrize("schema", BEDROCK_FORMATS)
def test_pictures_should_be_read(schema: str) -> None:
    output = BEDROCK_FORMATS[schema].answer({"images": [PICTURE]})
    assert output.images == (b"PNG",)


@pytest.mark.parametrize(
    ("schema", "body", "why"),
    [
        ("amazon-image", {"images": [], "error": "blocked by filters"}, "blocked by filters"),
        ("amazon-image", {}, "no pictures"),
        ("stability-image", {"images": [], "finish_reasons": ["Filter reason: prompt"]}, "prompt"),
        ("stability-image", {"images": [], "finish_reasons": [None]}, "no pictures"),
    ],
)
def test_an_answer_without_pictures_should_be_a_failure_with_its_reason(
    schema: str, body: dict[str, Any], why: str
) -> None:
    with pytest.raises(ModelFailure, match=why):
        BEDROCK_FORMATS[schema].answer(body)
