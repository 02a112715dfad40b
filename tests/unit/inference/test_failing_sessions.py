"""Models that the runtime will not run: its errors, which share no base, are all in our words."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from chalicelib.errors import ModelFailure
from chalicelib.inference.efficientnet import EfficientNetLabeller
from chalicelib.inference.embedder import MODEL, Embedder
from chalicelib.inference.open_nsfw import NsfwClassifier
from chalicelib.inference.word_vectors import WordEmbedder

OTHER = "efficientnet-lite0"


def a_picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (32, 32), "grey").save(written, format="PNG")
    return written.getvalue()


@pytest.fixture
def misread(models_dir: Path, tmp_path: Path) -> Path:
    """Return a folder of the embedder, whose tokenizer knows a word that the model does not."""
    folder = Path(shutil.copytree(models_dir / MODEL, tmp_path / MODEL))
    tokenizer = folder / "tokenizer.json"
    told = json.loads(tokenizer.read_text())
    told["model"]["vocab"]["pump"] = 9_999_999
    tokenizer.write_text(json.dumps(told))
    return folder


def test_a_word_that_the_model_does_not_know_should_be_its_failure(misread: Path) -> None:
    with pytest.raises(ModelFailure, match=f"{MODEL} failed: .*INVALID_ARGUMENT"):
        Embedder(misread, MODEL).embed(["a pump"])
    with pytest.raises(ModelFailure, match=f"{MODEL} failed: .*INVALID_ARGUMENT"):
        WordEmbedder(misread).read("a pump", [(0, 1)])


def test_a_model_of_other_inputs_should_be_a_failure(models_dir: Path) -> None:
    with pytest.raises(ModelFailure, match=r"open-nsfw failed: .*INVALID_ARGUMENT"):
        NsfwClassifier(next((models_dir / OTHER).glob("*.onnx"))).score(a_picture())
    with pytest.raises(ModelFailure, match=f"{OTHER} failed: .*pictures"):
        EfficientNetLabeller(models_dir / MODEL / "model.onnx").label_image(a_picture())
