"""What holds for every recipe: its smoke preset trains, goes on after a stop, and is exported."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chalicelib.contracts.exported import Signature
from models.common import champion, finishing, hashes, recipe, running
from models.common.failures import BadData, Interrupted
from models.common.history import HISTORY, read_history
from tests.training.conftest import Channel, Laid, Smoke, signature_of, weights_of

RECIPES = recipe.names()


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


@pytest.mark.parametrize("name", RECIPES)
def test_what_was_stopped_should_end_with_the_same_weights(
    name: str, smoke: Smoke, channel: Channel, laid: Laid
) -> None:
    found = recipe.load(name)
    channels = {"training": channel(found.dataset.name), **bases_of(found, smoke)}
    job = laid({"recipe": name, "preset": "smoke"}, channels)

    def stop_at_three(line: str) -> None:
        if line.startswith("step=3;"):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted, match="after step 3 of"):
        running.run(job, {}, stop_at_three)
    running.run(job, {}, lambda _: None)
    whole = smoke(name) / "train" / "model"
    assert (job.model / HISTORY).read_text() == (whole / HISTORY).read_text()
    ours, theirs = (weights_of(at / "weights.safetensors") for at in (job.model, whole))
    assert ours.keys() == theirs.keys()
    assert all((ours[part] == theirs[part]).all() for part in theirs)


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_exported_should_be_what_its_manifest_says(name: str, smoke: Smoke) -> None:
    folder = smoke(name) / "finish" / "model"
    signature = Signature.model_validate(signature_of(folder))
    assert signature.graphs
    for spec in signature.graphs.values():
        assert spec.parity <= 1e-4
        assert hashes.of_file(folder / spec.file) == spec.sha256
    for file, sha256 in signature.files.items():
        assert hashes.of_file(folder / file) == sha256
    assert set(signature.origin.bases) == set(recipe.load(name).bases)
    assert set(recipe.load(name).gates) <= set(signature.metrics)
    # A champion is compared by scores, and which side is worse follows from the number's gate.
    assert set(champion.scores_of(folder)) <= set(recipe.load(name).gates)
    card = (folder / finishing.CARD).read_text()
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
        running.run(job, {}, lambda _: None)
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
        running.run(job, {}, lambda _: None)
    assert not job.model.exists()
