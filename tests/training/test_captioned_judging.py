"""The judge of what is drawn of captions, shown what is right and what is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import diffusion_steps_drawing
from models.data import captions
from models.data.captions import CaptionedImages
from models.data.images import to_network
from models.datasets import captioned_digits
from models.evaluation import caption_fidelity
from models.evaluation.image_quality import image_classifier
from models.training import recipe
from models.training.gates import missed_gates
from tests.training.conftest import Channel, Smoke

WORDS = 6


@pytest.fixture(scope="module")
def data(channel: Channel) -> CaptionedImages:
    return captions.read(channel("captioned_digits"))


def drawn(data: CaptionedImages, rows: NDArray[np.int64]) -> caption_fidelity.DrawFunction:
    """Return a hand that draws real pictures, whatever it is asked for."""
    real = data.images.test.images[rows]
    return lambda _tokens, _negative: to_network(real)


def test_real_pictures_should_be_worth_what_the_judge_is(data: CaptionedImages) -> None:
    real = np.arange(len(data.images.test.images))
    told = caption_fidelity.prompt_fidelity(drawn(data, real), data, WORDS)
    assert told.numbers["accuracy"] == told.numbers["judge_accuracy"] > 0.95
    assert told.scores["accuracy"].mean() == told.numbers["accuracy"]
    assert told.numbers["classes_drawn"] == 10
    assert told.numbers["follows_ink"] == pytest.approx(1)
    assert told.numbers["fid"] == pytest.approx(told.numbers["fid_held_out"])
    assert told.pictures["samples"].shape == (112, 364, 3)


def test_pictures_of_other_captions_should_be_found_wrong(data: CaptionedImages) -> None:
    count = len(data.images.test.images)
    other = np.random.default_rng(0).permutation(count)
    told = caption_fidelity.prompt_fidelity(drawn(data, other), data, WORDS)
    assert told.numbers["accuracy"] < 0.2
    assert abs(told.numbers["follows_ink"]) < 0.3


def test_one_picture_for_all_should_be_found_to_be_one(data: CaptionedImages) -> None:
    same = np.zeros(len(data.images.test.images), np.int64)
    noise = np.random.default_rng(0).integers(0, 2, (len(same), 1, 1, 1))

    def hand(*_: NDArray[np.int64]) -> NDArray[np.float32]:
        return to_network(np.maximum(data.images.test.images[same], noise.astype(np.uint8)))

    told = caption_fidelity.prompt_fidelity(hand, data, WORDS)
    assert told.numbers["classes_drawn"] == 1
    assert told.numbers["fid"] > 50 * told.numbers["fid_held_out"]


def test_what_is_unwanted_should_be_counted_before_and_after(data: CaptionedImages) -> None:
    test = data.images.test
    threes, sevens = (np.flatnonzero(test.labels == label) for label in (3, 7))
    asked: list[NDArray[np.int64]] = []

    def hand(_tokens: NDArray[np.int64], negative: NDArray[np.int64]) -> NDArray[np.float32]:
        asked.append(negative)
        rows = np.concatenate([np.resize(threes, 150), np.resize(sevens, 50)])
        return to_network(test.images[sevens[np.arange(200) % 9] if negative.any() else rows])

    told = caption_fidelity.negative_prompt_effect(hand, data, WORDS)
    assert told.numbers["unwanted"] == pytest.approx(0.75, abs=0.03)
    assert told.numbers["unwanted_left"] < 0.02
    assert told.numbers["avoided"] > 0.98
    gate = recipe.load("diffusion").gates["avoided_low"]
    assert missed_gates({"avoided_low": gate}, told.numbers) == []
    assert told.pictures["negative"].shape == (76, 364, 3)
    wanted = data.vocabulary.tokens("a handwritten three", WORDS)
    assert [each.any() for each in asked] == [False, True]
    assert (asked[1] == wanted).all()


def test_what_is_unwanted_should_be_said_where_pictures_have_one_caption(
    data: CaptionedImages,
) -> None:
    said = {part: [each[:1] for each in of] for part, of in data.captions.items()}
    said["train"][0] = data.captions["train"][0]
    asked: list[NDArray[np.int64]] = []

    def hand(_tokens: NDArray[np.int64], negative: NDArray[np.int64]) -> NDArray[np.float32]:
        asked.append(negative)
        threes = np.flatnonzero(data.images.test.labels == 3)
        return to_network(data.images.test.images[np.resize(threes, 200)])

    first = int(np.flatnonzero(data.images.train.labels == 3)[0])
    assert first > 0
    for mixed in (said, {part: [each[:1] for each in of] for part, of in said.items()}):
        asked.clear()
        deaf = caption_fidelity.negative_prompt_effect(hand, replace(data, captions=mixed), WORDS)
        assert deaf.numbers["avoided"] == 0
        gates = {"avoided_low": recipe.load("diffusion").gates["avoided_low"]}
        assert missed_gates(gates, deaf.numbers) == ["avoided_low is 0 and has to be 0.5 at least"]
        assert (asked[1] == data.vocabulary.tokens(mixed["train"][first][0], WORDS)).all()


def test_captions_should_say_what_is_in_the_pictures(data: CaptionedImages) -> None:
    for part, split in (("train", data.images.train), ("test", data.images.test)):
        said = data.captions[part]  # type: ignore[index]
        for label, each in zip(split.labels, said, strict=True):
            assert all(captioned_digits.NAMES[label] in caption for caption in each[:4])
        ink = split.images.mean(axis=(1, 2, 3))
        means = [
            np.mean([ink[at] for at, each in enumerate(said) if stroke in each[0]])
            for stroke in captioned_digits.STROKES
        ]
        assert means == sorted(means)
    counts = [
        sum(stroke in each[0] for each in data.captions["train"]) for stroke in ("thin", "bold")
    ]
    assert all(abs(count - 1400 / 3) < 20 for count in counts)


def test_the_benchmark_should_draw_by_the_exported_graph(
    data: CaptionedImages, smoke: Smoke
) -> None:
    model = diffusion_steps_drawing.Model.open(smoke("diffusion") / "finish" / "model")
    way = diffusion_steps_drawing.Way("DDIM 2", model, 2)
    told = diffusion_steps_drawing.measured(way, data, image_classifier(data.images), 2)
    assert (told["calls"], told["drawn"]) == (2, 200)
    assert 0 <= told["right"] < 100
    assert len(told["CPU"]) == 2
    low, high = told["distance"]["interval"]
    assert 20 < low < told["distance"]["value"] < high
    names = [each.name for each in diffusion_steps_drawing.ways(model, model)]
    assert names[0] == "DDPM"
    assert names[-1] == "distilled 2"
