"""Contestants of a comparison: recipes trained within a budget, opened as exported."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import ValidationError

from chalicelib.contracts.model_manifest import FILE, Signature
from chalicelib.inference import image_generator
from chalicelib.inference.exported_model import ExportedModel
from chalicelib.inference.image_generator import ImageGenerator
from models import files
from models.data import images
from models.data.images import Images
from models.datasets.__main__ import prepare
from models.export.graphs import staged_folder
from models.failures import BadData, BadRecipe
from models.files import write_json
from models.jobs.finish import export_model, restore_network
from models.jobs.runner import run_job
from models.rehearse import lay_out_job
from models.training import artefacts, recipe, seeds
from models.training.devices import DEVICE, Device
from models.training.job import ROOT, TRAINING_CHANNEL, TrainingJob
from models.training.process_group import ProcessGroup
from models.training.recipe import PresetName
from models.training.recipe_code import TaskSetup, recipe_code
from models.training.settings import RecipeSettings

Clock = Callable[[], float]


_WARMUP_STEPS, _MEASURED_STEPS = 3, 20


def seconds_a_step(
    name: str, settings: RecipeSettings, channel: Path, clock: Clock = time.process_time
) -> float:
    """Return the seconds of a training step: the mean of 20 after 3 that warm up.

    Raises:
        BadData: the channel is not what the recipe trains on.
    """
    torch.set_num_threads(settings.threads)
    code = recipe_code(name)
    seeds.seed_all(settings.seed, 0)
    network = code.network(settings)
    device = Device(torch.device("cpu"))
    task = code.task(TaskSetup(network, code.load(channel), settings, device, ProcessGroup()))
    began = 0.0
    for number in range(1, _WARMUP_STEPS + _MEASURED_STEPS + 1):
        if number == _WARMUP_STEPS + 1:
            began = clock()
        seeds.seed_all(settings.seed, number, 0)
        task.step(number)
    return (clock() - began) / _MEASURED_STEPS


def steps_within(seconds: float, a_step: float) -> int:
    """Return how many steps of `a_step` seconds fit. Raises BadRecipe if none does."""
    steps = int(seconds / a_step)
    if steps < 1:
        raise BadRecipe(f"seconds: is {seconds:g}, and one step takes {a_step:.3g}; give more.")
    return steps


FAMILIES = ("vae", "gan", "diffusion")


@dataclass(frozen=True, slots=True)
class TrainingBudget:
    """CPU seconds for each training, the preset whose settings it uses, and the seed."""

    seconds: float
    preset: PresetName = "tiny"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Contestant:
    """A trained recipe with its exported model opened to draw.

    `seconds` is the CPU time of its training, None if it was trained before.
    """

    recipe: str
    steps: int
    seconds: float | None
    channel: Path
    signature: Signature
    drawer: ImageGenerator


def select_recipes(names: Sequence[str]) -> list[str]:
    """Return the recipes to compare: the named ones, or all that draw without a base.

    Raises:
        BadRecipe: there is no such recipe, or it is none that can be compared.
    """
    if not names:
        recipes = [recipe.load(name) for name in recipe.names()]
        drawing_ones = [each for each in recipes if each.family in FAMILIES and not each.bases]
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


def prepare_channels(names: Sequence[str], into: Path) -> tuple[dict[str, Path], Images]:
    """Prepare the data of each recipe; return the channels and the pictures they share.

    Raises:
        BadData: two recipes train on different pictures.
    """
    channels: dict[str, Path] = {}
    same: Images | None = None
    for name in names:
        channels[name] = into / "data" / recipe.load(name).dataset.name
        prepare(recipe.load(name).dataset.name, channels[name])
        read = images.read(channels[name])
        same = same or read
        if not np.array_equal(read.train.images, same.train.images):
            raise BadData(f"{name} trains on other pictures than {names[0]}; compare those alike.")
    if same is None:
        raise BadRecipe("There is no recipe to compare.")
    return channels, same


def train_contestant(
    name: str, budget: TrainingBudget, channel: Path, into: Path, clock: Clock = time.process_time
) -> Contestant:
    """Train a recipe for as many steps as the budget allows, export it, and open it.

    Gates are not held: what is below them is compared as well. Raises TrainingFailure.
    """
    found = recipe.load(name)
    begun = recipe.resolve(found, budget.preset, {"seed": budget.seed})
    steps = steps_within(budget.seconds, seconds_a_step(name, begun, channel, clock))
    request: dict[str, Any] = {
        "recipe": name,
        "preset": budget.preset,
        "steps": steps,
        "seed": budget.seed,
    }
    root = into / name
    lay_out_job(root, request, {TRAINING_CHANNEL: channel})
    job = TrainingJob.of({ROOT: str(root)})
    began = clock()
    run_job(job, {DEVICE: "cpu"}, lambda _line: None)
    seconds = clock() - began
    _export(job.model, channel, root / "served")
    return open_contestant(name, channel, root / "served", seconds)


def open_contestant(
    name: str, channel: Path, folder: Path, seconds: float | None = None
) -> Contestant:
    """Open an exported model as the function that serves it does.

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
    if signature.origin.data != files.sha256_of_folder(channel):
        raise BadData(f"{folder} has a model of other data than {name} has now; train it again.")

    def fetch(file: str) -> bytes:
        return (folder / file).read_bytes()

    drawer = image_generator.open_model(
        ExportedModel.read(fetch, files.sha256_of_file(folder / FILE))
    )
    return Contestant(name, signature.origin.steps, seconds, channel, signature, drawer)


def _export(model: Path, channel: Path, into: Path) -> None:
    trained = artefacts.read_training(model, into)
    _, network = restore_network(trained)
    data = recipe_code(trained.training.recipe).load(channel)
    with staged_folder(into, last=FILE) as folder:
        signature = export_model(trained, network, data, {}, folder)
        write_json(folder / FILE, signature.model_dump(mode="json"))
