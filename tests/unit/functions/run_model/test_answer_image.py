from __future__ import annotations

import base64
from typing import Any

import pytest

from chalicelib.contracts.vision import AnswerImageRequest, ImageTextResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.flamingo import open_image_text_model
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.image_text import ImageTextModel
from functions.run_model.answer_image import run
from tests.exported_clip import image_file
from tests.exported_image_text import blip2_files, flamingo_files
from tests.exported_models import Files, read, version
from tests.model_deps import task_deps
from tests.samples import samples

SAMPLE = samples()["answer_image"]
FILES = {"shapes-answers": blip2_files(), "shapes-flamingo": flamingo_files()}


class Models:
    """A model by each name."""

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[ImageTextModel]:
        files: Files = FILES[name]
        return OpenModel(open_image_text_model(read(files)), version(files, 3))


def given(*colour: int) -> str:
    return base64.b64encode(image_file((colour[0], colour[1], colour[2]))).decode()


def answered(model: str, **said: Any) -> ImageTextResult:
    """Return what the function answers; its clock goes half a second."""
    request = AnswerImageRequest.model_validate({"model": model, **said})
    answer = run(request, task_deps(Models()))
    return ImageTextResult.model_validate_json(answer.model_dump_json())


def test_should_answer_a_question() -> None:
    result = answered("shapes-answers", image=given(0, 0, 255), question="which colour ?")
    assert (result.text, result.finish, result.version) == ("blue", "stop", "tried/3")
    assert (result.tokens_in, result.tokens_out, result.seconds) == (5, 1, 0.5)


def test_should_caption_where_nothing_is_asked() -> None:
    assert answered("shapes-answers", image=given(0, 0, 255)).text == "a blue"


def test_should_answer_as_it_is_shown() -> None:
    shots = [{"image": given(255, 255, 255), "answer": "light"}]
    result = answered("shapes-flamingo", image=given(0, 0, 0), shots=shots)
    assert (result.text, result.tokens_in, result.tokens_out) == ("dark", 8, 1)


@pytest.mark.parametrize(
    ("model", "said", "told"),
    [
        ("shapes-flamingo", {"question": "which ?"}, "takes no words about a picture"),
        (
            "shapes-answers",
            {"shots": [{"image": given(1, 2, 3), "answer": "red"}]},
            "looks at 1 picture",
        ),
    ],
)
def test_should_refuse_what_the_model_does_not_take(model: str, said: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        answered(model, image=given(255, 0, 0), **said)


def test_should_take_its_sample() -> None:
    request = AnswerImageRequest.model_validate_json(SAMPLE.read_text())
    assert (request.model, request.question) == ("shapes-answers", "which colour ?")
