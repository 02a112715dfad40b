"""Comparing recipes that draw: the judges of draws, the budget, and the whole in small."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from chalicelib.contracts.model_manifest import GraphSpec, ModelOrigin, Signature
from chalicelib.inference.image_generator import ImageSampling
from chalicelib.inference.pixels import Pixels
from models.comparison import __main__ as comparing
from models.comparison import contestants, report, sampling_modes
from models.comparison.contestants import (
    Contestant,
    TrainingBudget,
    open_contestant,
    select_recipes,
)
from models.data import captions, images
from models.data.images import Images
from models.evaluation.image_quality import (
    ImageClassifier,
    frechet_interval,
    image_classifier,
    image_coverage,
    image_quality,
    laplacian_contrast,
)
from models.failures import BadData, BadRecipe
from models.training import recipe
from tests.training.conftest import Channel, Smoke

LINE = np.array([[0.0], [1.0], [2.0], [3.0]])


@pytest.fixture(scope="module")
def data(digits: Path) -> Images:
    return images.read(digits)


@dataclass
class Recording:
    """Draws nothing but black, and keeps what was asked for."""

    side: int = 8
    wishes: list[ImageSampling] = field(default_factory=list)

    def generate_images(self, wish: ImageSampling) -> Pixels:
        self.wishes.append(wish)
        return np.zeros((wish.count, 8, 8, 1), np.uint8)


@pytest.fixture(scope="module")
def judge(data: Images) -> ImageClassifier:
    return image_classifier(data)


def contested(graph: str, drawer: Recording, channel: Path) -> Contestant:
    spec = GraphSpec(
        file="x.onnx", sha256="0" * 64, size=1, opset=20, inputs=(), outputs=(), parity=0
    )
    origin = ModelOrigin(
        recipe="x",
        preset="smoke",
        seed=0,
        steps=1,
        data="0" * 64,
        code="0" * 64,
        torch="2",
        device="cpu",
    )
    signature = Signature(
        name="x",
        family="x",
        licence="x",
        graphs={graph: spec},
        constants={},
        metrics={},
        origin=origin,
    )
    return Contestant("x", 1, 1.0, channel, signature, drawer)


def ticking(step: float) -> Iterator[float]:
    now = 0.0
    while True:
        yield now
        now += step


def test_precision_and_recall_should_be_those_counted_by_hand() -> None:
    drawn = np.array([[0.5], [0.6], [0.7], [9.5]])
    found = image_coverage(LINE, drawn, neighbours=1)
    assert found.precise.tolist() == [True, True, True, False]
    # The reach of 9.5 is 8.8, down to 0.7; that of the others is 0.1.
    assert found.recalled.tolist() == [False, True, True, True]


def test_coverage_should_refuse_fewer_rows_than_have_neighbours() -> None:
    with pytest.raises(ValueError, match="more than 3 rows of each, and has 3"):
        image_coverage(LINE, LINE[:3])


def test_real_pictures_should_be_judged_real(data: Images, judge: ImageClassifier) -> None:
    found = image_quality(judge, data.train.images, data.test.images, 10)
    assert found.classes == 10
    assert found.precision.mean > 0.85
    assert found.recall.mean > 0.85
    assert found.fid.low <= found.fid.mean <= found.fid.high
    assert found.sharpness.low < 1 < found.sharpness.high


def test_one_class_should_have_precision_without_recall(
    data: Images, judge: ImageClassifier
) -> None:
    ones = data.test.images[data.test.labels == 1]
    found = image_quality(judge, data.train.images, ones, 10)
    assert found.precision.low > 0.7
    assert found.recall.high < 0.25
    assert found.rarest_class == 0


def test_noise_should_have_neither_and_blur_no_sharpness(
    data: Images, judge: ImageClassifier
) -> None:
    real = data.train.images
    noise = np.random.default_rng(0).integers(0, 256, (100, 8, 8, 1)).astype(np.uint8)
    assert image_quality(judge, real, noise, 10).precision.high < 0.1
    whole = real.astype(np.float64)
    blurred = (whole + np.roll(whole, 1, axis=1) + np.roll(whole, 1, axis=2)) / 3
    assert (
        laplacian_contrast(blurred.astype(np.uint8)).mean() < 0.7 * laplacian_contrast(real).mean()
    )


def test_the_interval_of_a_distance_should_hold_it_and_narrow_with_more_draws() -> None:
    chance = np.random.default_rng(1)
    real, drawn = chance.normal(size=(4000, 3)), chance.normal(0.5, size=(400, 3))
    few, many = frechet_interval(real, drawn[:50]), frechet_interval(real, drawn)
    for found in (few, many):
        assert found.low < found.mean < found.high
    assert many.high - many.low < 0.6 * (few.high - few.low)
    assert many.low < 3 * 0.25 < many.high


def test_steps_should_be_what_fits_the_budget(digits: Path) -> None:
    settings = recipe.resolve(recipe.load("vae"), "smoke")
    clock = ticking(3.0)
    a_step = contestants.seconds_a_step("vae", settings, digits, lambda: next(clock))
    assert a_step == pytest.approx(3 / 20)
    assert contestants.steps_within(60, a_step) == 400
    with pytest.raises(BadRecipe, match=r"seconds: is 0\.1, and one step takes 0\.15; give more"):
        contestants.steps_within(0.1, a_step)


def test_all_that_draw_from_nothing_should_be_compared() -> None:
    assert select_recipes([])[:2] == ["vae", "gan"]
    assert "diffusion" in select_recipes([])
    assert not [name for name in select_recipes([]) if recipe.load(name).bases]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("language_model", "is of the family .*; vae, gan, diffusion draw pictures"),
        ("diffusion_distilled", "begins from another's model"),
        ("painter", "There is no recipe 'painter'"),
    ],
)
def test_who_cannot_be_compared_should_be_named(name: str, told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        select_recipes([name])


def test_should_write_numbers_and_pictures_of_each_way(tmp_path: Path) -> None:
    rows = comparing.compare(["gan"], TrainingBudget(0.2, "smoke"), tmp_path)
    assert [row.name for row in rows] == ["real, held out", "gan"]
    real, drawn = rows
    assert drawn.steps is not None
    assert drawn.steps >= 1
    assert drawn.speed is not None
    assert real.judged.fid.mean < drawn.judged.fid.mean
    written = json.loads((tmp_path / report.JSON).read_text())
    assert written["asked"] == {
        "recipes": ["gan"],
        "seconds": 0.2,
        "preset": "smoke",
        "seed": 0,
    }
    assert written["rows"][1]["judged"]["fid"]["mean"] == drawn.judged.fid.mean
    assert (tmp_path / report.TABLE).read_text() == report.table(rows)
    assert (tmp_path / report.PICTURE).read_bytes().startswith(b"\x89PNG")


def test_what_takes_steps_and_prompts_should_draw_in_three_ways(channel: Channel) -> None:
    drawer = Recording()
    contestant = contested("denoiser", drawer, channel("captioned_digits"))
    few, many, prompted = sampling_modes.sampling_modes(contestant)
    assert (few.steps, many.steps, prompted.steps) == (10, 100, 10)
    assert len(sampling_modes.draw_pictures(contestant, many, 70, seed=5)) == 70
    assert [wish.count for wish in drawer.wishes] == [32, 32, 6]
    assert {wish.guidance for wish in drawer.wishes} == {1.0}
    assert len({wish.seed for wish in drawer.wishes}) == 3
    drawer.wishes.clear()
    assert len(sampling_modes.draw_pictures(contestant, prompted, 397, seed=5)) == 397
    said = captions.read(channel("captioned_digits")).captions["test"]
    asked = {wish.prompt: wish.count for wish in drawer.wishes}
    assert asked == Counter(each[0] for each in said)
    assert len({wish.seed for wish in drawer.wishes}) == len(drawer.wishes)


def test_speed_should_be_of_one_picture(digits: Path) -> None:
    contestant = contested("generator", Recording(), digits)
    (way,) = sampling_modes.sampling_modes(contestant)
    clock = ticking(0.064)
    found = sampling_modes.measure_speed(contestant, way, lambda: next(clock))
    assert found.alone.mean == pytest.approx(64)
    assert found.together.mean == pytest.approx(2)


def test_a_model_that_is_there_should_be_compared_as_it_is(smoke: Smoke, digits: Path) -> None:
    model = smoke("gan") / "finish" / "model"
    contestant = open_contestant("gan", digits, model)
    assert (contestant.steps, contestant.seconds) == (60, None)
    (way,) = sampling_modes.sampling_modes(contestant)
    assert sampling_modes.draw_pictures(contestant, way, 40, seed=0).shape == (40, 8, 8, 1)
    with pytest.raises(BadData, match="has a model of gan, and not of vae"):
        open_contestant("vae", digits, model)
    with pytest.raises(BadData, match="has no whole model"):
        open_contestant("gan", digits, model / "nowhere")


def test_a_model_of_other_data_should_not_be_compared(
    smoke: Smoke, channel: Channel, tmp_path: Path
) -> None:
    with pytest.raises(BadData, match="a model of other data than gan has now"):
        open_contestant("gan", channel("captioned_digits"), smoke("gan") / "finish" / "model")
    with pytest.raises(BadRecipe, match="trained: vae is none of gan, which are compared"):
        comparing.compare(["gan"], TrainingBudget(1.0), tmp_path, {"vae": tmp_path})


def test_a_command_that_cannot_compare_should_say_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert comparing.main(["painter", "--into", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("BadRecipe: There is no recipe 'painter'")
