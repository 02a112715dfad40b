from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from chalicelib.contracts.vision import EmbedImageRequest, EmbedImageResult
from chalicelib.errors import InvalidInput
from chalicelib.inference.clip import ClipModel, open_model
from chalicelib.inference.hot_swap import OpenModel
from functions.run_model.embed_image import run
from tests.exported_clip import clip_files, image_file, unit
from tests.exported_models import read, version
from tests.model_deps import task_deps
from tests.samples import samples

ROOT = Path(__file__).parents[4]
SAMPLE = samples()["embed_image"]
FILES = clip_files()


class Models:
    """One model, whatever it is called."""

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[ClipModel]:
        return OpenModel(open_model(read(FILES)), version(FILES, 3))


def embedded(**said: Any) -> EmbedImageResult:
    """Return what the function answers; its clock goes half a second."""
    request = EmbedImageRequest.model_validate({"model": "emoji-clip", **said})
    answer = run(request, task_deps(Models()))
    return EmbedImageResult.model_validate_json(answer.model_dump_json())


def given(colour: tuple[int, int, int], kind: str = "PNG") -> str:
    return base64.b64encode(image_file(colour, kind)).decode()


def test_pictures_should_have_vectors_in_order() -> None:
    result = embedded(images=[given((255, 0, 0)), given((0, 0, 255), "WEBP")])
    wanted = [unit(1, -1, -1), unit(-1, -1, 1)]
    assert np.allclose(result.vectors, wanted, atol=0.02)
    assert (result.version, result.tokens, result.seconds) == ("tried/3", 0, 0.5)


def test_texts_should_lie_in_the_same_space() -> None:
    result = embedded(texts=["red", "a blue"])
    assert np.allclose(result.vectors, [unit(1, -1, -1), unit(-1, -1, 1)], atol=1e-3)
    assert result.tokens == 3 + 4


def test_a_vector_should_not_depend_on_what_is_embedded_beside_it() -> None:
    alone = embedded(texts=["green"]).vectors[0]
    assert embedded(texts=["a red", "green", "white"]).vectors[1] == alone


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"images": [given((1, 2, 3)), base64.b64encode(b"none").decode()]}, "images.1"),
        ({"texts": ["red", ""]}, "texts.1"),
        ({"texts": ["red red red red red"]}, "texts.0"),
    ],
)
def test_what_cannot_be_embedded_should_be_named(said: Any, field: str) -> None:
    with pytest.raises(InvalidInput, match=rf"^{field}") as refused:
        embedded(**said)
    assert refused.value.field == field


@pytest.mark.parametrize("said", [{}, {"texts": ["a"], "images": [given((1, 2, 3))]}])
def test_a_request_should_have_one_kind(said: Any) -> None:
    with pytest.raises(ValidationError, match="give images or texts, and not both"):
        embedded(**said)


def test_should_take_its_sample() -> None:
    request = EmbedImageRequest.model_validate_json(SAMPLE.read_text())
    assert (request.model, request.texts) == ("emoji-clip", ("a red star",))


def test_should_embed_without_torch() -> None:
    program = (
        "import sys\n"
        "from functions.run_model.handler import embed_image\n"
        "import onnxruntime, tokenizers\n"
        "print(sorted({'torch', 'transformers', 'chalice', 'onnx'} & set(sys.modules)))\n"
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
