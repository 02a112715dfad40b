"""Who is compared: recipes, each trained within the budget and served as its export is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from chalicelib.contracts.exported import FILE, Signature
from chalicelib.inference import image_generator
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_generator import ImageGenerator
from models.common import artefacts, hashes, images, recipe, running
from models.common.devices import DEVICE
from models.common.export import staged
from models.common.failures import BadData, BadRecipe
from models.common.family import family
from models.common.finishing import exported, restored
from models.common.images import Images
from models.common.job import ROOT, TRAINING_CHANNEL, Job
from models.common.recipe import PresetName
from models.common.writing import write_json
from models.comparing.budget import Clock, seconds_a_step, steps_within
from models.datasets.__main__ import prepare
from models.rehearse import lay

FAMILIES = ("vae", "gan", "diffusion")


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds of a processor for each training, the preset whose settings it has, and the seed."""

    seconds: float
    preset: PresetName = "tiny"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Contestant:
    """A trained recipe, and what draws by its exported graphs. `seconds` are of its training, where
    that was a part of the comparison.
    """

    recipe: str
    steps: int
    seconds: float | None
    channel: Path
    signature: Signature
    drawer: ImageGenerator


def chosen(names: Sequence[str]) -> list[str]:
    """Return the recipes to compare: those that are named, or all that draw from nothing.

    Raises:
        BadRecipe: there is no such recipe, or it is none that can be compared.
    """
    if not names:
        found = [recipe.load(name) for name in recipe.names()]
        drawing_ones = [each for each in found if each.family in FAMILIES and not each.bases]
        return [each.name for each in sorted(drawing_ones, key=lambda e: FAMILIES.index(e.family))]
    for name in names:
        loaded = recipe.load(name)
        if loaded.family not in FAMILIES:
            raise BadRecipe(
                f"{name} is of the family {loaded.family}; {', '.join(FAMILIES)} draw pictures."
            )
        if loaded.bases:
            raise BadRecipe(f"{name} begins from another's model, which its budget does not pay.")
    return list(names)


def channels(names: Sequence[str], into: Path) -> tuple[dict[str, Path], Images]:
    """Prepare what each recipe trains on, and return the channels and the pictures of all.

    Raises:
        BadData: two recipes train on different pictures.
    """
    found: dict[str, Path] = {}
    same: Images | None = None
    for name in names:
        found[name] = into / "data" / recipe.load(name).dataset.name
        prepare(recipe.load(name).dataset.name, found[name])
        read = images.read(found[name])
        same = same or read
        if not np.array_equal(read.train.images, same.train.images):
            raise BadData(f"{name} trains on other pictures than {names[0]}; compare those alike.")
    if same is None:
        raise BadRecipe("There is no recipe to compare.")
    return found, same


def train(
    name: str, budget: Budget, channel: Path, into: Path, clock: Clock = time.process_time
) -> Contestant:
    """Train a recipe for as many steps as the budget has, export it, and open what serves.

    Gates are not held: what is below them is compared as well. Raises TrainingFailure.
    """
    found = recipe.load(name)
    begun = recipe.resolve(found, budget.preset, {"seed": budget.seed})
    steps = steps_within(budget.seconds, seconds_a_step(name, begun, channel, clock))
    asked: dict[str, Any] = {
        "recipe": name,
        "preset": budget.preset,
        "steps": steps,
        "seed": budget.seed,
    }
    root = into / name
    lay(root, asked, {TRAINING_CHANNEL: channel})
    job = Job.of({ROOT: str(root)})
    began = clock()
    running.run(job, {DEVICE: "cpu"}, lambda _line: None)
    seconds = clock() - began
    _export(job.model, channel, root / "served")
    return opened(name, channel, root / "served", seconds)


def opened(name: str, channel: Path, folder: Path, seconds: float | None = None) -> Contestant:
    """Return a model that a training left, opened as a function that serves it opens it.

    Raises:
        BadData: there is no whole model, or it is another's, or of other data.
        HeadraceError: a file is not the one that the manifest names.
    """
    try:
        signature = Signature.model_validate_json((folder / FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise BadData(f"{folder} has no whole model: {error}") from error
    if signature.origin.recipe != name:
        raise BadData(f"{folder} has a model of {signature.origin.recipe}, and not of {name}.")
    if signature.origin.data != hashes.of_folder(channel):
        raise BadData(f"{folder} has a model of other data than {name} has now; train it again.")

    def fetch(file: str) -> bytes:
        return (folder / file).read_bytes()

    drawer = image_generator.open_model(ExportedModel.read(fetch, hashes.of_file(folder / FILE)))
    return Contestant(name, signature.origin.steps, seconds, channel, signature, drawer)


def _export(model: Path, channel: Path, into: Path) -> None:
    trained = artefacts.find(model, into)
    _, network = restored(trained)
    data = family(trained.training.recipe).load(channel)
    with staged(into, last=FILE) as folder:
        signature = exported(trained, network, data, {}, folder)
        write_json(folder / FILE, signature.model_dump(mode="json"))
