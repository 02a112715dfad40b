from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from chalicelib.contracts.vision import ClassifyImageRequest, ClassifyImageResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.clip import ClipModel, open_model
from chalicelib.inference.hot_swap import OpenModel
from functions.run_model.classify_image import run
from tests.exported_clip import clip_files, image_file
from tests.exported_models import read, version
from tests.model_deps import task_deps
from tests.samples import samples

SAMPLE = samples()["classify_image"]
FILES = clip_files()
RED, BLUE = (base64.b64encode(image_file(each)).decode() for each in ((255, 0, 0), (0, 0, 255)))


class Models:
    """One model, whatever it is called."""

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[ClipModel]:
        return OpenModel(open_model(read(FILES)), version(FILES, 3))


def classified(**said: Any) -> ClassifyImageResult:
    """Return what the function answers; its clock goes half a second."""
    given = {"model": "shapes-classes", "images": [RED, BLUE], "labels": ["red", "blue"], **said}
    answer = run(ClassifyImageRequest.model_validate(given), task_deps(Models()))
    return ClassifyImageResult.model_validate_json(answer.model_dump_json())


def test_each_picture_should_have_a_share_for_each_label() -> None:
    result = classified()
    assert np.argmax(result.shares, axis=1).tolist() == [0, 1]
    assert np.sum(result.shares, axis=1) == pytest.approx([1, 1], abs=1e-12)
    # The model's own two templates: "a {}" has four tokens here, and "{}" three.
    assert (result.version, result.tokens, result.seconds) == ("tried/3", 14, 0.5)


def test_templates_of_the_call_should_stand_for_the_model_s_own() -> None:
    # "red blue" and "blue blue": the label is less of what is said.
    mixed = classified(templates=["{} blue"])
    assert mixed.tokens == 8
    assert mixed.shares[0][0] < classified().shares[0][0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"labels": ["red", " "]}, "labels.1 names no class"),
        ({"labels": ["red", "blue " * 9]}, "labels.1 has 12 tokens"),
        ({"images": [RED, ""]}, "images.1 is no picture"),
        (
            {"labels": [f"a{n}" for n in range(256)], "templates": ["{}" for _ in range(17)]},
            "256 labels by 17 templates are too many at once",
        ),
    ],
)
def test_what_cannot_be_classified_should_be_named(said: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        classified(**said)


@pytest.mark.parametrize(
    "said", [{"labels": ["red"]}, {"images": []}, {"templates": ["a"]}, {"templates": ["{} {}"]}]
)
def test_a_request_should_have_what_it_takes(said: Any) -> None:
    with pytest.raises(ValidationError):
        classified(**said)


def test_should_take_its_sample() -> None:
    request = ClassifyImageRequest.model_validate_json(SAMPLE.read_text())
    assert request.labels == ("red square", "blue star")
