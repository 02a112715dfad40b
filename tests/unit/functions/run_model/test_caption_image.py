from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.vision import CaptionImageRequest, ImageTextResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.blip2 import open_model
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.image_text import ImageTextModel
from functions.run_model.caption_image import run
from tests.exported_clip import image_file
from tests.exported_image_text import blip2_files
from tests.exported_models import read, version
from tests.model_deps import task_deps
from tests.samples import samples

ROOT = Path(__file__).parents[4]
SAMPLE = samples()["caption_image"]
FILES = blip2_files()


class Models:
    """One model, whatever it is called."""

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[ImageTextModel]:
        return OpenModel(open_model(read(FILES)), version(FILES, 3))


def captioned(data: bytes, **said: Any) -> ImageTextResult:
    """Return what the function answers; its clock goes half a second."""
    given = {"model": "shapes-captions", "image": base64.b64encode(data), **said}
    answer = run(CaptionImageRequest.model_validate(given), task_deps(Models()))
    return ImageTextResult.model_validate_json(answer.model_dump_json())


def test_should_say_what_is_in_a_picture() -> None:
    result = captioned(image_file((255, 0, 0), "JPEG"))
    assert (result.text, result.finish, result.version) == ("a red", "stop", "tried/3")
    assert (result.tokens_in, result.tokens_out, result.seconds) == (2, 2, 0.5)


def test_should_say_that_a_caption_was_cut_off() -> None:
    result = captioned(image_file((255, 0, 0)), max_tokens=1)
    assert (result.text, result.finish) == ("a", "length")


def test_should_refuse_what_is_no_picture() -> None:
    with pytest.raises(InvalidInput, match="image is no picture"):
        captioned(b"none")


def test_should_take_its_sample() -> None:
    request = CaptionImageRequest.model_validate_json(SAMPLE.read_text())
    assert request.model == "shapes-captions"


@pytest.mark.parametrize("name", ["caption_image", "answer_image"])
def test_should_tell_without_torch_or_a_library_of_tokens(name: str) -> None:
    program = (
        "import sys\n"
        f"from functions.run_model.handler import {name}\n"
        "import onnxruntime\n"
        "print(sorted({'torch', 'transformers', 'tokenizers', 'onnx'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout) == []
