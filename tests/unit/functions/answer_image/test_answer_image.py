from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.looking import AnswerImageRequest, ImageTextResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.few_shot import opened
from chalicelib.inference.hot_swap import Opened
from chalicelib.inference.telling import Teller
from functions.answer_image.core import Deps, run
from tests.exported_models import Files, read, version
from tests.exported_tellers import blip2, flamingo
from tests.exported_towers import picture

SAMPLE = Path(__file__).parents[4] / "functions" / "answer_image" / "event.json"
FILES = {"shapes-answers": blip2(), "shapes-flamingo": flamingo()}


class Models:
    """A model by each name."""

    def get(self, name: str) -> Opened[Teller]:
        files: Files = FILES[name]
        return Opened(opened(read(files)), version(files, 3))


def given(*colour: int) -> str:
    return base64.b64encode(picture((colour[0], colour[1], colour[2]))).decode()


def answered(model: str, **said: Any) -> ImageTextResult:
    """Return what the function answers; its clock goes half a second."""
    ticks = iter([1.0, 1.5])
    request = AnswerImageRequest.model_validate({"model": model, **said})
    answer = run(request, Deps(Models(), lambda: next(ticks)))
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
