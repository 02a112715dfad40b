"""Gates of picture generators, shown what draws as the data does and what has to be refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import mannwhitneyu

from models.data.images import Images, Split
from models.evaluation import champion
from models.evaluation.champion import judge_document
from models.evaluation.generator_metrics import generator_metrics
from models.evaluation.image_quality import ImageClassifier, image_classifier
from models.evaluation.memorisation import Memorisation, memorisation
from models.failures import StaleJudge
from models.training import recipe
from models.training.artefacts import TrainedModel, TrainingRecord
from models.training.gates import missed_gates
from models.training.job import JUDGE

GATES = recipe.load("gan").gates
CLASSES, KINDS = 10, 6
COUNT = 500


class Templates:
    """Pictures of 8 x 8: a template of a class, varied in six directions, and some noise."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.templates = self.rng.uniform(60, 190, (CLASSES, 64))
        self.ways = self.rng.normal(0, 7, (KINDS, 64))

    def draw(self, count: int) -> Split:
        labels = np.arange(count) % CLASSES
        varied = self.rng.normal(size=(count, KINDS)) @ self.ways
        noise = self.rng.normal(0, 4, (count, 64))
        pixels = np.clip(self.templates[labels] + varied + noise, 0, 255)
        return Split(pixels.round().astype(np.uint8).reshape(-1, 8, 8, 1), labels)


@pytest.fixture(scope="module")
def templates() -> Templates:
    return Templates()


@pytest.fixture(scope="module")
def data(templates: Templates) -> Images:
    names = tuple(map(str, range(CLASSES)))
    return Images(templates.draw(600), templates.draw(300), names)


@pytest.fixture(scope="module")
def judge(data: Images) -> ImageClassifier:
    return image_classifier(data)


def missed(judge: ImageClassifier, data: Images, drawn: NDArray[np.uint8]) -> set[str]:
    """Return the gates that draws miss."""
    numbers = generator_metrics(judge, data, drawn).numbers
    return {each.split()[0] for each in missed_gates(GATES, numbers)}


def shaken(pictures: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(1).integers(-by, by + 1, pictures.shape)
    return np.asarray(np.clip(pictures.astype(np.int64) + noise, 0, 255), np.uint8)


def test_draws_as_the_data_has_them_should_reach_every_gate(
    judge: ImageClassifier, data: Images, templates: Templates
) -> None:
    found = generator_metrics(judge, data, templates.draw(COUNT).images)
    assert missed_gates(GATES, found.numbers) == []
    assert found.numbers["recall_low"] < found.numbers["recall"] == found.scores["recall"].mean()
    assert found.numbers["nearer_than_held_out"] == pytest.approx(0.5, abs=0.05)
    assert found.numbers["copied"] == pytest.approx(0.05, abs=0.03)


@pytest.mark.parametrize("by", [0, 2])
def test_a_memoriser_of_a_hundred_pictures_should_be_refused(
    judge: ImageClassifier, data: Images, by: int
) -> None:
    rows = np.random.default_rng(2).integers(0, 100, COUNT)
    told = missed(judge, data, shaken(data.train.images[rows], by))
    assert {"copied_high", "recall_low"} <= told
    assert not told & {"fid", "classes_drawn", "rarest_class", "precision"}


def test_a_memoriser_of_every_picture_should_be_refused_by_its_copies_alone(
    judge: ImageClassifier, data: Images
) -> None:
    assert missed(judge, data, data.train.images[:COUNT]) == {"copied_high"}


def test_a_collapsed_generator_should_be_refused(judge: ImageClassifier, data: Images) -> None:
    one_each = data.test.images[:CLASSES][np.arange(COUNT) % CLASSES]
    told = missed(judge, data, shaken(one_each, 3))
    assert {"recall_low", "coverage"} <= told
    assert not told & {"classes_drawn", "rarest_class", "copied_high"}
    assert "classes_drawn" in missed(judge, data, shaken(one_each[:1].repeat(COUNT, 0), 3))


def test_noise_should_be_refused(judge: ImageClassifier, data: Images) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (COUNT, 8, 8, 1)).astype(np.uint8)
    assert {"fid", "precision", "coverage"} <= missed(judge, data, noise)


def test_the_share_that_is_nearer_should_be_mann_and_whitneys() -> None:
    rng = np.random.default_rng(4)
    drawn, held_out = rng.integers(0, 20, 60).astype(float), rng.integers(5, 25, 80).astype(float)
    found = Memorisation(drawn, held_out)
    u = mannwhitneyu(held_out, drawn).statistic
    assert found.nearer.mean() == pytest.approx(u / (len(drawn) * len(held_out)))
    assert Memorisation(held_out, held_out).nearer.mean() == 0.5
    with pytest.raises(ValueError, match="needs training pictures, held-out ones and draws"):
        memorisation(*(np.zeros((n, 2, 2, 1), np.uint8) for n in (3, 3, 0)))


def test_a_stale_judge_should_be_refused(
    judge: ImageClassifier, data: Images, templates: Templates, tmp_path: Path
) -> None:
    other = Images(templates.draw(600), data.test, data.names)
    with pytest.raises(StaleJudge, match=f"The judge was fitted on the pictures {judge.data[:12]}"):
        generator_metrics(judge, other, data.test.images)
    record = TrainingRecord(
        recipe="gan", preset="tiny", settings={}, data="d", code="", torch="", device="",
        measured={},
    )  # fmt: skip
    (tmp_path / champion.SCORES).write_bytes(champion.pack_scores({"recall": np.ones(3)}))
    approved = TrainedModel(tmp_path, record, {})
    told = "it was judged by another judge"
    assert champion.incomparability(approved, "gan", "d", judge.fingerprint) == told
    (tmp_path / JUDGE).write_text(json.dumps(judge_document(image_classifier(other).fingerprint)))
    assert champion.incomparability(approved, "gan", "d", judge.fingerprint) == told
    (tmp_path / JUDGE).write_text(json.dumps(judge_document(judge.fingerprint)))
    assert champion.incomparability(approved, "gan", "d", judge.fingerprint) == ""
