"""A trial of a tuning: a training that is judged in the same job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.data import captions, images, text
from models.data.captions import CaptionedImages
from models.data.images import Images, Split
from models.data.text import END, TextChannel
from models.evaluation.image_quality import image_classifier
from models.failures import BadData, BadRecipe
from models.jobs import runner
from models.training import metrics, recipe
from models.training.recipe_code import recipe_code
from tests.training.conftest import Laid

FOUND = recipe.load("vae")


def test_a_trial_should_print_the_numbers_of_the_gates_and_keep_to_none(
    laid: Laid, digits: Path
) -> None:
    asked = {"task": "try", "recipe": "vae", "preset": "tiny", "steps": 30, "hidden": 32}
    asked["_tuning_objective_metric"] = "fid"
    job = laid(asked, {"training": digits})
    said: list[str] = []
    runner.run_job(job, {}, said.append)
    read = [metrics.parse_line(line) for line in said]
    last = [each for each in read if each][-1]
    assert last[0] == 30
    assert set(FOUND.gates) <= set(last[1])
    data = images.read(digits)
    judge = image_classifier(images.validation(data))
    assert last[1]["judge_accuracy"] == pytest.approx(judge.accuracy, rel=1e-6)
    assert (job.model / "training.json").is_file()
    assert not (job.model / "signature.json").exists()


def numbered(count: int, first: int = 0) -> Split:
    """Return pictures that are numbers, so that each can be told from all others."""
    numbers = np.arange(first, first + count)
    pixels = np.stack([numbers // 256, numbers % 256], axis=1).astype(np.uint8)
    return Split(pixels.reshape(-1, 1, 2, 1), numbers % 30)


def told_apart(split: Split) -> set[bytes]:
    return {picture.tobytes() for picture in split.images}


def test_a_validation_should_have_training_rows_alone_each_in_one_part() -> None:
    data = Images(numbered(600), numbered(100, 600), tuple(map(str, range(30))))
    said = {"train": [(f"{at}",) for at in range(600)], "test": [("test",)] * 100}
    captioned = captions.class_validation(CaptionedImages(data, said))  # type: ignore[arg-type]
    for made in (images.validation(data), captioned.images):
        train, test = told_apart(made.train), told_apart(made.test)
        assert not train & test
        assert train | test == told_apart(data.train)
    assert len(images.validation(data).test.images) == 120
    unseen = set(captioned.images.test.labels) - set(captioned.images.train.labels)
    assert unseen == {0, 6, 12, 18, 24}
    assert set(captioned.images.test.labels) - unseen
    for part, split in (("train", captioned.images.train), ("test", captioned.images.test)):
        numbers = split.images.astype(int)[:, 0, 0, 0] * 256 + split.images[:, 0, 1, 0]
        assert [int(said) for (said,) in captioned.captions[part]] == numbers.tolist()  # type: ignore[index]


def test_a_text_should_be_split_between_texts() -> None:
    made = text.learn_tokenizer(["a valve opens", "a pump runs"], 270)
    tokens = text.encode_texts(made, ["a valve opens", "a pump runs"] * 20)
    data = TextChannel(tokens, tokens[:3], 9, made, b"")
    found = text.validation(data)
    assert np.array_equal(np.concatenate([found.train, found.test]), tokens)
    assert found.train[-1] == END
    assert 0.08 < len(found.test) / len(tokens) < 0.16
    assert found.test_bytes == len(made.decode(found.test.tolist()).encode())
    with pytest.raises(BadData, match="one text to train on"):
        text.validation(replace(data, train=tokens[:4]))


def test_every_recipe_that_can_be_tuned_should_have_a_validation() -> None:
    tuned = [name for name in recipe.names() if recipe.load(name).tuning]
    assert [name for name in tuned if recipe_code(name).validation is None] == []
    with pytest.raises(BadRecipe, match="flamingo has no validation split"):
        runner.trial_data(recipe_code("flamingo"), "flamingo", None)
