from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chalicelib.contracts.functions.generate_image import GenerateImageRequest, GenerateImageResult
from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.hot_swap import OpenModel
from chalicelib.inference.image_generator import ImageGenerator, ImageSampling, open_model
from functions.run_model.generate_image import run
from tests.exported_models import Files, decoder, denoiser, read, version
from tests.model_deps import task_deps
from tests.samples import samples

ROOT = Path(__file__).parents[4]
SAMPLE = samples()["generate_image"]


@dataclass
class Models:
    """One model, whatever it is called."""

    files: Files

    def get(self, name: str, caller: str = "", variant: str = "") -> OpenModel[ImageGenerator]:
        return OpenModel(open_model(read(self.files)), version(self.files, 3))


def drawn(files: Files, **said: object) -> GenerateImageResult:
    """Return what the function answers; its clock goes half a second."""
    request = GenerateImageRequest.model_validate(
        {"model": "digits-vae", "width": 4, "height": 4, **said}
    )
    answer = run(request, task_deps(Models(files)))
    return GenerateImageResult.model_validate(answer.model_dump(mode="json"))


def pixels(image: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(image)) as picture:
        return np.asarray(picture)


def test_should_draw_pictures_enlarged_by_whole_pixels_as_png() -> None:
    result = drawn(decoder(), count=2, seed=7)
    model = open_model(read(decoder())).generate_images(ImageSampling(count=2, seed=7))
    for image, small in zip(result.images, model, strict=True):
        assert np.array_equal(pixels(image), small[:, :, 0].repeat(2, axis=0).repeat(2, axis=1))
    assert (result.version, result.seconds) == ("tried/3", 0.5)


@pytest.mark.parametrize(
    ("width", "height", "side"), [(2, 2, 2), (3, 3, 2), (9, 5, 4), (1024, 1024, 1024)]
)
def test_should_make_squares_of_as_many_pixels_as_fit(width: int, height: int, side: int) -> None:
    (image,) = drawn(decoder(), width=width, height=height).images
    assert pixels(image).shape == (side, side)


def test_should_refuse_what_is_smaller_than_the_model_s_pictures() -> None:
    with pytest.raises(InvalidInput, match="draws 2 by 2 pixels; ask for so many") as refused:
        drawn(decoder(), width=1, height=4)
    assert (refused.value.field, refused.value.limit) == ("size", "2x2")


def test_should_draw_by_chance_without_a_seed() -> None:
    assert drawn(decoder()).images == drawn(decoder(), seed=11).images
    assert drawn(decoder()).images != drawn(decoder(), seed=12).images


def test_should_hand_words_steps_and_guidance_to_the_model() -> None:
    said = {"prompt": "dark", "negative_prompt": "light", "steps": 3, "guidance": 1.5, "seed": 1}
    (image,) = drawn(denoiser(), **said).images
    assert pixels(image).max() <= 1
    with pytest.raises(Unsupported, match="takes no prompt"):
        drawn(decoder(), prompt="dark")


def test_should_walk_between_two_seeds() -> None:
    walk = drawn(decoder(), count=3, seed=7, to_seed=8).images
    assert [walk[0], walk[2]] == [drawn(decoder(), seed=n).images[0] for n in (7, 8)]


def test_should_take_its_sample() -> None:
    request = GenerateImageRequest.model_validate_json(SAMPLE.read_text())
    assert (request.model, request.count, request.seed) == ("digits-vae", 2, 7)


def test_should_draw_without_torch_or_an_imaging_library() -> None:
    program = (
        "import sys\n"
        "from functions.run_model.handler import generate_image\n"
        "import onnxruntime\n"
        "print(sorted({'torch', 'PIL', 'chalice', 'tokenizers', 'onnx'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout.replace("'", '"')) == []
