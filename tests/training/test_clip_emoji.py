"""Emoji: what is read of the package, and what is measured of the two towers on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from models.data import captions
from models.data.captions import CaptionedImages
from models.datasets import emoji
from tests.training.conftest import Channel, Smoke, signature_of


@pytest.fixture(scope="module")
def data(channel: Channel) -> CaptionedImages:
    return captions.read(channel("emoji"))


def picture_of(name: str, data: CaptionedImages) -> NDArray[np.uint8]:
    names = [said[0] for said in (*data.captions["train"], *data.captions["test"])]
    pictures = np.concatenate([data.images.train.images, data.images.test.images])
    return np.asarray(pictures[names.index(name)])


def test_emoji_that_judge_should_be_none_that_train(data: CaptionedImages) -> None:
    assert len(data.images.test.images) == emoji.HELD_OUT
    trained, judged = ({said[0] for said in data.captions[part]} for part in ("train", "test"))
    assert len(judged) == emoji.HELD_OUT
    assert not trained & judged


def test_emoji_that_judge_should_be_like_none_that_train(data: CaptionedImages) -> None:
    said = {part: {text for each in of for text in each} for part, of in data.captions.items()}
    assert not said["train"] & said["test"]
    train, test = (
        split.images.reshape(len(split.images), -1).astype(np.float64)
        for split in (data.images.train, data.images.test)
    )
    assert cdist(test, train).min() >= emoji.NEAR * np.sqrt(train.shape[1])
    emojis = [
        {"name": each, "unified": points, "short_names": [each], "category": "", "subcategory": ""}
        for each, points in (("runner", "1F3C3"), ("man running", "1F3C3-200D-2642-FE0F"))
    ]
    apart = np.stack([data.images.train.images[0], 255 - data.images.train.images[0]])
    assert len(set(emoji.alike(emojis, apart).tolist())) == 1


def test_a_picture_should_be_that_of_its_name_on_white(data: CaptionedImages) -> None:
    heart, japan = (picture_of(name, data) for name in ("heavy black heart", "japan flag"))
    assert heart.shape == (32, 32, 3)
    for shown in (heart, japan):
        assert shown[0, 0].tolist() == [255, 255, 255]
        red, green, blue = shown[16, 16].tolist()
        assert red > 180 > 100 > max(green, blue)
    assert japan[16, 4].min() > 200


def test_captions_should_begin_with_the_name_and_end_with_its_kinds(data: CaptionedImages) -> None:
    every = [*data.captions["train"], *data.captions["test"]]
    (joy,) = (said for said in every if said[0] == "face with tears of joy")
    assert joy[1] == "joy"
    assert joy[-2:] == (
        "face with tears of joy, face smiling",
        "face with tears of joy, smileys & emotion",
    )
    assert all(len(set(said)) == len(said) for said in every)
    assert "component" not in data.images.names


def test_what_is_measured_should_be_of_what_was_held_out(smoke: Smoke) -> None:
    numbers = signature_of(smoke("clip_emoji") / "finish" / "model")["metrics"]
    assert numbers["recall_1"] <= numbers["recall_10"]
    assert numbers["recall_10_of_all"] <= numbers["recall_10"]
    assert numbers["recall_10_low"] <= numbers["recall_10"] <= numbers["recall_10_high"]
    assert numbers["recall_10"] * emoji.HELD_OUT == pytest.approx(
        round(numbers["recall_10"] * emoji.HELD_OUT)
    )
    assert 1 <= numbers["median_rank"] <= emoji.HELD_OUT


def test_the_card_should_name_licence_and_show_what_was_found(smoke: Smoke) -> None:
    folder: Path = smoke("clip_emoji") / "finish" / "model"
    card = (folder / "CARD.md").read_text()
    assert "CC-BY-4.0" in card
    assert "twemoji" in card
    assert (folder / "found.png").read_bytes().startswith(b"\x89PNG")
