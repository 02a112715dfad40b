"""What holds for every recipe: its smoke preset trains, goes on after a stop, and is exported."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalicelib.contracts.model_manifest import Signature
from models import files
from models.evaluation import champion
from models.failures import BadData, Interrupted
from models.jobs import runner
from models.serving.handler import load
from models.training import recipe
from models.training.job import CARD
from models.training.metrics import HISTORY, read_history
from tests.soak import WHOLE
from tests.training.conftest import Channel, Laid, Smoke, signature_of, weights_of

RECIPES = recipe.names(with_base_model=False)
"""Those that tune a base model are tried on tiny ones in tests of their own."""
STOPPED = (
    dict.fromkeys(RECIPES, (3,)) | {"blip2": (3, 27)}
    if WHOLE
    else {
        "vae": (3,),
        "blip2": (27,),
    }
)
"""After which steps trainings are stopped: all by a soak, else one recipe's, and another's in its
second stage. That every recipe goes on from a checkpoint is tried each time.
"""


def bases_of(found: recipe.Recipe, smoke: Smoke) -> Mapping[str, Path]:
    return {key: smoke(name) / "finish" / "model" for key, name in found.bases.items()}


@pytest.mark.parametrize("name", RECIPES)
def test_the_watched_number_should_get_better(name: str, smoke: Smoke) -> None:
    found = recipe.load(name)
    history = read_history(smoke(name) / "train" / "model" / HISTORY)
    values = [measured[found.watch] for _, measured in sorted(history.items())]
    tenth = max(1, len(values) // 10)
    first, last = float(np.mean(values[:tenth])), float(np.mean(values[-tenth:]))
    better = found.metrics[found.watch].better
    assert (last < first) if better == "lower" else (last > first), (first, last)


def stop_at(step: int, line: str) -> None:
    """Send this process SIGTERM as soon as the log has a step."""
    if line.startswith(f"step={step};"):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("name", "stops"), STOPPED.items())
def test_what_was_stopped_should_end_with_the_same_weights(
    name: str, stops: tuple[int, ...], smoke: Smoke, channel: Channel, laid: Laid
) -> None:
    job = laid({"recipe": name, "preset": "smoke"}, channels_of(name, smoke, channel))
    for stop in stops:
        with pytest.raises(Interrupted, match=f"after step {stop} of"):
            runner.run_job(job, {}, partial(stop_at, stop))
    runner.run_job(job, {}, lambda _: None)
    assert_same(job.model, smoke(name) / "train" / "model")


@pytest.mark.parametrize("name", RECIPES)
def test_what_goes_on_from_a_checkpoint_should_end_with_the_same_weights(
    name: str, smoke: Smoke, channel: Channel, laid: Laid
) -> None:
    job = laid({"recipe": name, "preset": "smoke"}, channels_of(name, smoke, channel))
    kept = smoke(name) / "train" / "checkpoints"
    before, last = sorted(path.name for path in kept.glob("step-*"))
    job.checkpoints.mkdir()
    for file in (before, HISTORY):
        shutil.copy(kept / file, job.checkpoints)
    said: list[str] = []
    runner.run_job(job, {}, said.append)
    assert any(line.startswith("Going on after step ") for line in said)
    assert last in {path.name for path in job.checkpoints.iterdir()}
    assert_same(job.model, smoke(name) / "train" / "model")


def channels_of(name: str, smoke: Smoke, channel: Channel) -> Mapping[str, Path]:
    """Return the channels of a recipe's training, its data set's and those of its bases."""
    found = recipe.load(name)
    return {"training": channel(found.dataset.name), **bases_of(found, smoke)}


def assert_same(model: Path, whole: Path) -> None:
    """Assert that a model is what was trained without a stop."""
    assert (model / HISTORY).read_text() == (whole / HISTORY).read_text()
    ours, theirs = (weights_of(at / "weights.safetensors") for at in (model, whole))
    assert ours.keys() == theirs.keys()
    assert all((ours[part] == theirs[part]).all() for part in theirs)


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_exported_should_be_what_its_manifest_says(name: str, smoke: Smoke) -> None:
    folder = smoke(name) / "finish" / "model"
    signature = Signature.model_validate(signature_of(folder))
    assert signature.graphs
    for spec in signature.graphs.values():
        assert spec.parity <= 1e-4
        assert files.sha256_of_file(folder / spec.file) == spec.sha256
    for file, sha256 in signature.files.items():
        assert files.sha256_of_file(folder / file) == sha256
    assert load(folder).model is not None  # the container's server takes what is registered
    assert set(signature.origin.bases) == set(recipe.load(name).bases)
    assert set(recipe.load(name).gates) <= set(signature.metrics)
    # A champion is compared by scores, and which side is worse follows from the number's gate.
    assert set(champion.read_scores(folder)) <= set(recipe.load(name).gates)
    card = (folder / CARD).read_text()
    assert recipe.load(name).dataset.licence in card
    assert (folder / "loss.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", [name for name in RECIPES if recipe.load(name).bases])
def test_a_base_of_another_recipe_should_be_refused(
    name: str, smoke: Smoke, channel: Channel, laid: Laid
) -> None:
    found = recipe.load(name)
    wrong: dict[str, Any] = dict.fromkeys(found.bases, smoke("vae") / "finish" / "model")
    job = laid(
        {"recipe": name, "preset": "smoke"}, {"training": channel(found.dataset.name), **wrong}
    )
    with pytest.raises(BadData, match="has a model of vae"):
        runner.run_job(job, {}, lambda _: None)
    assert not job.model.exists()


@pytest.mark.parametrize("name", [name for name in RECIPES if recipe.load(name).bases])
def test_a_base_of_other_words_should_be_refused(
    name: str, smoke: Smoke, channel: Channel, laid: Laid, tmp_path: Path
) -> None:
    found = recipe.load(name)
    bases = {}
    for key, folder in bases_of(found, smoke).items():
        bases[key] = shutil.copytree(folder, tmp_path / key)
        for file in signature_of(folder)["files"]:
            (bases[key] / file).write_bytes(b"{}")
    job = laid(
        {"recipe": name, "preset": "smoke"}, {"training": channel(found.dataset.name), **bases}
    )
    with pytest.raises(BadData, match="other words than the channel has"):
        runner.run_job(job, {}, lambda _: None)
    assert not job.model.exists()
