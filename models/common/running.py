"""The jobs of a recipe: `train`, on any device; `finish` and `judge`, on a CPU: finishing.py."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch

from models.common import artefacts, hashes, recipe, seeds
from models.common.artefacts import Trained, Training
from models.common.checkpoints import Checkpoints
from models.common.devices import Device, pick
from models.common.failures import BadData, BadRecipe
from models.common.family import Family, Setup, family
from models.common.finishing import finish_job, judge_job
from models.common.group import Group, joined
from models.common.history import HISTORY
from models.common.job import TRAINING_CHANNEL, WEIGHTS, Job
from models.common.loop import Place, Plan, train
from models.common.recipe import PresetName, Recipe, Settings
from models.common.stopping import Stop
from models.common.trial import judge_trial

Say = Callable[[str], None]

_ASKED = ("task", "recipe", "preset")


def run(job: Job, environ: Mapping[str, str], say: Say) -> None:
    """Do what the job's hyperparameters ask for.

    `task` is train, try, finish or judge. A training is further asked for its `recipe`, its
    `preset` and any setting of the recipe, and so is a trial, which is judged at once.
    Raises Interrupted and every TrainingFailure.
    """
    asked = job.hyperparameters
    kind = asked.get("task", "train")
    if kind == "train":
        train_job(job, environ, say)
    elif kind == "finish":
        finish_job(job, say)
    elif kind == "judge":
        judge_job(job, say)
    elif kind == "try":
        if train_job(job, environ, say):
            judge_trial(job, say)
    else:
        raise BadRecipe(f"task: is {kind!r} and has to be train, try, finish or judge.")


def asked_for(asked: Mapping[str, Any]) -> tuple[Recipe, PresetName, Settings]:
    """Return the recipe, preset and settings that hyperparameters ask for. Raises BadRecipe."""
    if "recipe" not in asked:
        raise BadRecipe(f"recipe: missing; it is one of {', '.join(recipe.names())}.")
    found = recipe.load(str(asked["recipe"]))
    preset = asked.get("preset", "tiny")
    if preset not in get_args(PresetName):
        raise BadRecipe(f"preset: is {preset!r} and has to be one of {get_args(PresetName)}.")
    overrides = {name: value for name, value in asked.items() if name not in _ASKED}
    return found, preset, recipe.resolve(found, preset, overrides)


def train_job(job: Job, environ: Mapping[str, str], say: Say) -> bool:
    """Train, and leave weights and history in the model folder; tell whether this process did."""
    found, preset, settings = asked_for(job.hyperparameters)
    device = pick(environ)
    torch.set_num_threads(settings.threads)
    data_at = job.channel(TRAINING_CHANNEL)
    code = family(found.name)
    data = code.load(data_at)
    training = {"recipe": found.name, "preset": preset, **settings.model_dump()}
    training["data"] = hashes.of_folder(data_at)
    seeds.begin(settings.seed, 0)
    network = code.network(settings)
    training["bases"] = _begin(found, code, Begun(network, data, settings), job)
    with Stop() as stop, joined(environ, device) as group:
        say(_opening(found, preset, device, group))
        task = _task(code.task, Setup(network, data, settings, device, group))
        plan = Plan(settings.steps, settings.checkpoint_every, settings.seed)
        checkpoints = Checkpoints(job.checkpoints, training)
        measured = train(task, plan, Place(device, group, checkpoints, stop, say))
        if group.leads:
            left = Training(
                recipe=found.name,
                preset=preset,
                settings=settings.model_dump(),
                data=training["data"],
                code=hashes.of_code(found.name),
                bases=training["bases"],
                torch=torch.__version__,
                device=device.kind,
                measured=measured,
            )
            artefacts.leave(job.model, left, network, job.checkpoints / HISTORY)
        return group.leads


@dataclass(frozen=True, slots=True)
class Begun:
    """A new network, what it will be trained on, and its settings."""

    network: torch.nn.Module
    data: Any
    settings: Settings


def _begin(found: Recipe, code: Family[Any, Any], begun: Begun, job: Job) -> dict[str, str]:
    """Put the weights of the recipe's bases into a new network, and return their hashes."""
    if code.begin is None:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        bases = {
            channel: artefacts.find(job.channel(channel), Path(scratch) / channel)
            for channel in found.bases
        }
        for channel, base in bases.items():
            if base.training.recipe != found.bases[channel]:
                raise BadData(
                    f"The channel {channel!r} has a model of {base.training.recipe}, and "
                    f"{found.name} begins from one of {found.bases[channel]}."
                )
        try:
            code.begin(begun.network, bases)
        except RuntimeError as error:  # what torch raises for weights of another shape
            raise BadData(
                f"{found.name} cannot begin from what it was given: {error}. Its settings have to "
                "be those that the base was trained with."
            ) from error
        own = code.files(begun.data, begun.settings)
        for channel, base in bases.items():
            _hold_words(channel, base, own)
        return {channel: hashes.of_file(base.folder / WEIGHTS) for channel, base in bases.items()}


def _hold_words(channel: str, base: Trained, own: Mapping[str, bytes]) -> None:
    """Raise BadData where a base has a tokenizer or vocabulary of the same name, and another."""
    for name, content in own.items():
        theirs = base.folder / name
        if theirs.is_file() and theirs.read_bytes() != content:
            raise BadData(
                f"The model of the channel {channel!r} was trained by other words than the channel "
                f"has: its {name} is another, so that tokens would mean something else. Train "
                f"{base.training.recipe} on data with the same words, or prepare the data by its "
                f"{name}."
            )


def _task(make: Callable[[Any], Any], setup: Setup[Any, Any]) -> Any:
    try:
        return make(setup)
    except ValueError as error:
        raise BadData(str(error)) from error


def _opening(found: Recipe, preset: str, device: Device, group: Group) -> str:
    process = f"process {group.rank + 1} of {group.size}"
    return f"Training {found.name}, {preset}, on {device.torch}, {process}."
