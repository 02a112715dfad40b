from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from chalicelib.contracts.picture_labels import Label
from chalicelib.errors import ModelFailure
from chalicelib.inference.efficientnet import (
    MAX_LABELS,
    MIN_SHARE,
    EfficientNetLabeller,
    preprocess,
)
from chalicelib.inference.embedder import Embedder
from chalicelib.retrieval.search.image_vectors import image_vector, label_prompts

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
QUESTIONS = json.loads((PICTURES / "questions.json").read_text())
NAMES = sorted({question["picture"] for question in QUESTIONS})


@pytest.fixture(scope="module")
def labeller(models_dir: Path) -> EfficientNetLabeller:
    return EfficientNetLabeller.open(models_dir)


@pytest.fixture(scope="module")
def embedder(models_dir: Path) -> Embedder:
    return Embedder.open(models_dir)


def vector(labels: Sequence[Label], embedder: Embedder) -> list[float]:
    return image_vector(labels, embedder.embed(label_prompts(labels)).tolist())


@pytest.fixture(scope="module")
def index(labeller: EfficientNetLabeller, embedder: Embedder) -> np.ndarray:
    seen = [labeller.label_image((PICTURES / name).read_bytes()).labels for name in NAMES]
    return np.array([vector(labels, embedder) for labels in seen])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("chelsea.png", "cat"),
        ("coffee.webp", "espresso"),
        ("camera.jpg", "tripod"),
        ("china.jpg", "palace"),
        ("flower.jpg", "daisy"),
        ("text.png", "maze"),
    ],
)
def test_photographs_are_seen_for_what_they_show(
    name: str, words: str, labeller: EfficientNetLabeller
) -> None:
    seen = labeller.label_image((PICTURES / name).read_bytes())
    assert words in seen.labels[0].name
    shares = [label.share for label in seen.labels]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) <= MAX_LABELS
    assert min(shares) >= MIN_SHARE
    assert sum(shares) <= 1.001


def test_the_same_bytes_are_seen_the_same(labeller: EfficientNetLabeller) -> None:
    data = (PICTURES / "rocket.jpg").read_bytes()
    assert labeller.label_image(data) == labeller.label_image(data)


def test_a_picture_of_nothing_has_a_label_all_the_same(labeller: EfficientNetLabeller) -> None:
    written = io.BytesIO()
    Image.new("RGB", (32, 32), "grey").save(written, format="PNG")
    assert labeller.label_image(written.getvalue()).labels


def test_pixels_go_in_as_the_network_was_trained_on_them() -> None:
    red = preprocess(Image.new("RGB", (224, 224), (255, 127, 0)))
    assert red.shape == (1, 3, 224, 224)
    assert red[0, :, 0, 0].tolist() == [1.0, 0.0, -127 / 128]


def test_a_missing_model_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="headrace models pull efficientnet-lite0"):
        EfficientNetLabeller.open(tmp_path)


def found(index: np.ndarray, query: Sequence[float]) -> str:
    return str(NAMES[int(np.argmax(index @ np.array(query)))])


def test_words_find_photographs_of_what_a_class_stands_for(
    index: np.ndarray, embedder: Embedder
) -> None:
    known = [question for question in QUESTIONS if question["known"]]
    vectors = embedder.embed([question["query"] for question in known]).tolist()
    hits = [
        question["picture"] == found(index, query)
        for question, query in zip(known, vectors, strict=True)
    ]
    assert (sum(hits), len(hits)) == (16, 18)


def test_pictures_find_what_was_made_of_them(
    index: np.ndarray, labeller: EfficientNetLabeller, embedder: Embedder
) -> None:
    hits = []
    for name in NAMES:
        with Image.open(PICTURES / name) as file:
            picture = file.convert("RGB")
        width, height = picture.size
        for made in (
            ImageOps.mirror(picture),
            picture.crop((width // 6, height // 6, width * 5 // 6, height * 5 // 6)),
            ImageEnhance.Brightness(picture).enhance(0.6),
            picture.convert("L"),
        ):
            written = io.BytesIO()
            made.save(written, format="JPEG")
            seen = labeller.label_image(written.getvalue()).labels
            hits.append(found(index, vector(seen, embedder)) == name)
    assert sum(hits) >= 62, f"{sum(hits)} of {len(hits)}"
