"""Runs a job of a recipe: `train` and `try` here, `finish` and `judge` in finish.py."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import torch

from models import files
from models.bases.folder import CHANNEL, read_base
from models.failures import BadData, BadRecipe
from models.jobs.finish import base_model_of, finish_job, judge_job, restore_network
from models.jobs.trained_bases import FreshNetwork, LoadedBases, attach_bases, load_bases
from models.training import artefacts, metrics, recipe, seeds
from models.training.artefacts import TrainingRecord
from models.training.checkpoints import Checkpoints, Stateful
from models.training.devices import Device, select_device
from models.training.gates import Gate
from models.training.job import (
    ASKED_GATES,
    JOB_FIELDS,
    OWN_DATA,
    TRAINING_CHANNEL,
    UNAPPROVED_BASES,
    TerminationSignal,
    TrainingJob,
)
from models.training.learned_weights import LearnedWeights
from models.training.loop import LoopContext, StepSchedule, train
from models.training.metrics import HISTORY
from models.training.process_group import ProcessGroup, join_group
from models.training.recipe import PresetName, Recipe
from models.training.recipe_code import RecipeCode, TaskSetup, make_network, recipe_code
from models.training.recipe_gates import require_known_numbers
from models.training.settings import RecipeSettings
from models.training.shards import whole_state
from models.training_data.channel import data_version


def judge_trial(job: TrainingJob, say: Callable[[str], None]) -> None:
    """Evaluate the model in the job's model folder and print the metrics.

    A tuning sees them, so they are measured on validation rows, which are of the training rows and
    not of the test's. No gate is required, and nothing is exported.

    Raises BadData where it left nothing whole.
    """
    with tempfile.TemporaryDirectory() as scratch:
        trained = artefacts.read_training(job.model, Path(scratch) / "unpacked")
        code = recipe_code(trained.training.recipe)
        data = trial_data(code, trained.training.recipe, code.load(job.channel(TRAINING_CHANNEL)))
        settings, network = restore_network(trained, data, base_model_of(job, trained))
        attach_bases(trained, network, job)
        say(metrics.log_line(settings.steps, code.evaluate(network, data, settings).numbers))


def trial_data(code: RecipeCode[Any, Any], name: str, data: Any) -> Any:
    """Return what a trial of a tuning is trained and judged on. Raises BadRecipe if it has none."""
    if code.validation is None:
        raise BadRecipe(
            f"{name} has no validation split, so that a trial would be judged by the rows of the "
            "test; give its CODE a `validation`."
        )
    return code.validation(data)


Say = Callable[[str], None]


def run_job(job: TrainingJob, environ: Mapping[str, str], say: Say) -> None:
    """Run the task that the job's hyperparameters name.

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


def requested_settings(asked: Mapping[str, Any]) -> tuple[Recipe, PresetName, RecipeSettings]:
    """Return the recipe, preset and settings of hyperparameters. Raises BadRecipe."""
    if "recipe" not in asked:
        raise BadRecipe(f"recipe: missing; it is one of {', '.join(recipe.names())}.")
    found = recipe.load(str(asked["recipe"]))
    preset = asked.get("preset", "tiny")
    if preset not in get_args(PresetName):
        raise BadRecipe(f"preset: is {preset!r} and has to be one of {get_args(PresetName)}.")
    overrides = {name: value for name, value in asked.items() if name not in JOB_FIELDS}
    return found, preset, recipe.resolve(found, preset, overrides)


def asked_gates(asked: Mapping[str, Any]) -> Mapping[str, Gate]:
    """Return the gates that a user asked for beside the recipe's. Raises BadRecipe."""
    given = asked.get(ASKED_GATES, {})
    try:
        return {str(name): Gate.model_validate(bounds) for name, bounds in dict(given).items()}
    except (TypeError, ValueError) as error:
        raise BadRecipe(f"{ASKED_GATES}: is {given!r:.200}: {error}") from error


def train_job(job: TrainingJob, environ: Mapping[str, str], say: Say) -> bool:
    """Train; return whether this process wrote the model folder, as the group's leader does."""
    found, preset, settings = requested_settings(job.hyperparameters)
    require_known_numbers(found, asked_gates(job.hyperparameters))
    device = select_device(environ)
    torch.set_num_threads(settings.threads)
    data_at = job.channel(TRAINING_CHANNEL)
    code = recipe_code(found.name)
    data = code.load(data_at)
    if job.hyperparameters.get("task") == "try":
        data = trial_data(code, found.name, data)
    training = {"recipe": found.name, "preset": preset, **settings.model_dump()}
    training["data"] = data_version(data_at)
    seeds.seed_all(settings.seed, 0)
    base = read_base(job.channel(CHANNEL)) if found.base_model else None
    network = make_network(code, settings, data, base)
    kept: Stateful = LearnedWeights(network) if base else network
    bases = load_bases(found, FreshNetwork(network, data, settings), job)
    of_base = {CHANNEL: base.sha256} if base else {}
    training["bases"] = {**bases.sha256s, **of_base}
    problems = base_problems(preset, bases, job, say)
    with TerminationSignal.of(environ) as stop, join_group(environ, device) as group:
        say(_opening_line(found, preset, device, group))
        task = _make_task(code.task, TaskSetup(network, data, settings, device, group))
        plan = StepSchedule(settings.steps, settings.checkpoint_every, settings.seed)
        checkpoints = Checkpoints(job.checkpoints, training)
        measured = train(task, plan, LoopContext(device, group, checkpoints, stop, say))
        weights = whole_state(kept.state_dict(), group)
        if group.leads:
            left = TrainingRecord(
                recipe=found.name,
                preset=preset,
                settings=settings.model_dump(),
                own_data=bool(job.hyperparameters.get(OWN_DATA, False)),
                asked_gates=asked_gates(job.hyperparameters),
                data=training["data"],
                code=files.sha256_of_code(found.name),
                bases=training["bases"],
                unapproved_bases=problems,
                torch=torch.__version__,
                device=device.kind,
                measured=measured,
            )
            artefacts.write_training(job.model, left, weights, job.checkpoints / HISTORY)
        return group.leads


def base_problems(
    preset: PresetName, bases: LoadedBases, job: TrainingJob, say: Say
) -> tuple[str, ...]:
    """Return the overridden reasons for which the bases should not found this training.

    A smoke preset, which nothing serves, may begin from any. Raises BadData if they are not
    overridden.
    """
    given = str(job.hyperparameters.get(UNAPPROVED_BASES, ""))
    problems = () if preset == "smoke" else bases.problems
    if problems and not given:
        raise BadData(
            f"{'; '.join(problems)}. Begin from a model that reaches its gates, or override by "
            f"the hyperparameter {UNAPPROVED_BASES}, which says why; the card will have it."
        )
    every = ((given,) if given else ()) + problems
    for each in every:
        say(f"WARNING: begins from a model that should not found others: {each}.")
    return every


def _make_task(make: Callable[[Any], Any], setup: TaskSetup[Any, Any]) -> Any:
    try:
        return make(setup)
    except ValueError as error:
        raise BadData(str(error)) from error


def _opening_line(found: Recipe, preset: str, device: Device, group: ProcessGroup) -> str:
    process = f"process {group.rank + 1} of {group.size}"
    return f"Training {found.name}, {preset}, on {device.torch}, {process}."
