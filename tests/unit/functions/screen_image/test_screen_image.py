from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chalicelib.contracts.screening import (
    MAX_PICTURE_BYTES,
    ScreenImageRequest,
    ScreenImageResult,
)
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.inference.image_files import MAX_PIXELS
from chalicelib.inference.open_nsfw import MODEL, NsfwClassifier, preprocess
from functions.screen_image.core import Deps, run
from tests.unit.functions.afresh import answered_afresh

SAMPLE = Path(__file__).parents[4] / "functions" / "screen_image" / "event.json"


def encoded(kind: str, mode: str = "RGB", size: tuple[int, int] = (60, 40)) -> bytes:
    picture = Image.new(mode, size)
    written = io.BytesIO()
    picture.save(written, format=kind)
    return written.getvalue()


def request(data: bytes) -> ScreenImageRequest:
    return ScreenImageRequest.model_construct(data=data)


def deps(models_dir: Path) -> Deps:
    ticks = iter([1.0, 1.5])
    return Deps(NsfwClassifier.open(models_dir), MODEL, lambda: next(ticks))


@pytest.mark.parametrize(
    ("kind", "mode"),
    [("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("GIF", "P")],
)
def test_it_looks_at_pictures_of_every_kind(models_dir: Path, kind: str, mode: str) -> None:
    result = run(request(encoded(kind, mode)), deps(models_dir))
    assert result.score < 0.2
    assert (result.model, result.seconds) == ("open-nsfw", 0.5)


def test_a_picture_goes_in_as_the_network_was_trained_on_it() -> None:
    red = io.BytesIO()
    Image.new("RGB", (300, 200), (255, 0, 0)).save(red, format="PNG")
    ready = preprocess(red.getvalue())
    assert ready.shape == (224, 224, 3)
    assert ready.dtype == np.dtype(np.float32)
    blue, green, last = ready.mean(axis=(0, 1))
    assert (blue, green) == (pytest.approx(-104, abs=3), pytest.approx(-117, abs=3))
    assert last == pytest.approx(255 - 123, abs=3)


@pytest.mark.parametrize("data", [b"", b"no picture", encoded("PNG")[:60]])
def test_what_is_no_picture_is_the_caller_s_mistake(models_dir: Path, data: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        run(request(data), deps(models_dir))
    assert refused.value.field == "data"


def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_unpacked() -> None:
    side = 7_100
    assert side * side > MAX_PIXELS
    with pytest.raises(InvalidInput) as refused:
        preprocess(encoded("PNG", "1", (side, side)))
    assert refused.value.limit == f"{MAX_PIXELS} pixels"


def test_a_picture_of_too_many_bytes_is_refused(models_dir: Path) -> None:
    with pytest.raises(InvalidInput, match=str(MAX_PICTURE_BYTES)):
        run(request(b"\x00" * (MAX_PICTURE_BYTES + 1)), deps(models_dir))


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="headrace models pull open-nsfw"):
        NsfwClassifier.open(tmp_path)


def test_a_fresh_process_answers_the_sample_without_boto3(models_dir: Path) -> None:
    answer = answered_afresh("screen_image", models_dir)
    assert ScreenImageResult.model_validate(answer).score < 0.2
