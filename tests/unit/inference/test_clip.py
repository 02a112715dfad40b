from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.clip import open_model
from tests.exported_clip import CONSTANTS, LONGEST, clip_files, image_file, tokenizer, unit
from tests.exported_models import exported, read
from tests.soak import often

RED, BLUE = (255, 0, 0), (0, 0, 255)
MODEL = open_model(read(clip_files()))


def test_a_picture_and_its_name_should_have_one_vector() -> None:
    seen = MODEL.embed_image(image_file(RED), "images.0")
    said, tokens = MODEL.embed_text("red", "texts.0")
    assert np.allclose(seen, unit(1, -1, -1), atol=1e-6)
    assert np.allclose(said, seen, atol=1e-6)
    assert tokens == 3


def test_a_label_should_be_the_mean_of_what_all_templates_say_of_it() -> None:
    vectors, tokens = MODEL.embed_labels(["red", "blue"], ["{}", "{} green"])
    for vector, own in zip(vectors, ((1, -1, -1), (-1, -1, 1)), strict=True):
        alone, with_green = unit(*own), unit(*(np.array(own) + np.array((-1, 1, -1))))
        assert np.allclose(vector, unit(*(alone + with_green)), atol=1e-6)
    assert tokens == 2 * (3 + 4)


def test_shares_should_be_the_softmax_of_cosines_by_the_temperature() -> None:
    labels, _ = MODEL.embed_labels(["red", "blue"], MODEL.templates)
    shares = MODEL.label_probabilities(MODEL.embed_image(image_file(RED), "images.0"), labels)
    # cos(red, red) is 1 and cos(red, blue) is -1/3; the temperature is 0.5.
    assert shares == pytest.approx([1 / (1 + np.exp(-8 / 3)), 1 / (1 + np.exp(8 / 3))], abs=1e-3)
    assert shares.sum() == pytest.approx(1, abs=1e-12)


@given(st.lists(st.sampled_from(["red", "green", "blue", "white"]), min_size=1, max_size=4))
@settings(max_examples=often(20, 5), deadline=None)
def test_a_vector_should_have_length_1_and_be_the_same_each_time(words: list[str]) -> None:
    first, second = (MODEL.embed_text(" ".join(words), "texts.0")[0] for _ in range(2))
    assert np.array_equal(first, second)
    assert np.linalg.norm(first) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "told", "limit"),
    [
        ("", "texts.3 has nothing to embed", None),
        (" \n", "texts.3 has nothing to embed", None),
        ("red " * LONGEST, "texts.3 has 8 tokens, and tried reads 6", "6 tokens"),
        ("red \ud800", "character 4 is half of a surrogate pair", None),
    ],
)
def test_a_text_that_cannot_be_embedded_whole_should_be_refused(
    text: str, told: str, limit: str | None
) -> None:
    with pytest.raises(InvalidInput, match=told) as refused:
        MODEL.embed_text(text, "texts.3")
    assert (refused.value.field, refused.value.limit) == ("texts.3", limit)


def test_a_text_that_spells_a_mark_should_not_end_there() -> None:
    assert MODEL.embed_text("</s> red", "texts.0")[1] > 4


@pytest.mark.parametrize(
    ("constants", "told"),
    [
        ({"vector": 4}, "not a vector of 4 numbers"),
        ({"temperature": 0.0}, "temperature 0, not > 0"),
        ({"templates": ("a",)}, "has no templates"),
        ({"templates": "a {}"}, "has no templates"),
        ({"channels": 2}, "knows no pictures"),
        ({"side": 16}, "failed"),
        ({"prompt_tokens": "six"}, "has no number prompt_tokens"),
    ],
)
def test_a_model_whose_manifest_says_another_thing_should_not_open(
    constants: dict[str, Any], told: str
) -> None:
    with pytest.raises(ModelFailure, match=told):
        open_model(read(clip_files(**constants)))


def test_a_model_without_towers_or_tokenizer_should_not_open() -> None:
    with pytest.raises(ModelFailure, match="lacks image_tower and text_tower"):
        open_model(read(exported({}, CONSTANTS)))
    files = dict(clip_files())
    graphs = {
        name: (inputs, files[f"{name}.onnx"])
        for name, inputs in {"image_tower": ("image",), "text_tower": ("tokens", "mask")}.items()
    }
    with pytest.raises(ModelFailure, match=r"has no tokenizer\.json"):
        open_model(read(exported(graphs, CONSTANTS)))
    with pytest.raises(ModelFailure, match=r"tokenizer\.json of tried is none"):
        open_model(read(exported(graphs, CONSTANTS, {"tokenizer.json": tokenizer()[:99]})))
