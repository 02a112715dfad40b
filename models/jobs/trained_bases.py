"""The trained models that a job begins from, or that its network is rewarded by."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from chalicelib.contracts.model_manifest import FILE, Signature
from models import files
from models.failures import BadData
from models.training import artefacts, recipe
from models.training.artefacts import TrainedModel
from models.training.gates import missed_gates
from models.training.job import EVALUATION, WEIGHTS, TrainingJob
from models.training.recipe import Recipe
from models.training.recipe_code import recipe_code
from models.training.settings import RecipeSettings


@dataclass(frozen=True, slots=True)
class FreshNetwork:
    """A network before its training, with its data and settings."""

    network: torch.nn.Module
    data: Any
    settings: RecipeSettings


@dataclass(frozen=True, slots=True)
class LoadedBases:
    """The models that a network begins from: sha256s by channel, and what speaks against them."""

    sha256s: dict[str, str]
    problems: tuple[str, ...] = ()


def load_bases(found: Recipe, begun: FreshNetwork, job: TrainingJob) -> LoadedBases:
    """Give a new network the recipe's bases, from their channels; return what they are.

    Raises:
        BadData: a channel is missing, or has a model of another recipe or of other words.
    """
    code, wanted = recipe_code(found.name), found.bases_of(begun.settings)
    with tempfile.TemporaryDirectory() as scratch:
        bases = _read_bases(wanted, found.name, job, Path(scratch))
        try:
            if code.begin is not None and found.bases:
                code.begin(begun.network, {name: bases[name] for name in found.bases})
        except RuntimeError as error:  # torch raises it for weights of another shape
            raise BadData(
                f"{found.name} cannot begin from what it was given: {error}. Its settings have to "
                "be those that the base was trained with."
            ) from error
        own = code.files(begun.data, begun.settings)
        for channel in found.bases:
            _require_same_words(channel, bases[channel], own)
        _attach(found, begun.network, bases)
        return LoadedBases(
            {name: files.sha256_of_file(base.folder / WEIGHTS) for name, base in bases.items()},
            tuple(
                f"{name}: {each}" for name, base in bases.items() for each in gate_problems(base)
            ),
        )


def attach_bases(trained: TrainedModel, network: torch.nn.Module, job: TrainingJob) -> None:
    """Give a trained network the optional bases that its training was given.

    Raises:
        BadData: a channel is missing, or has another model than the training was given.
    """
    found = recipe.load(trained.training.recipe)
    settings = recipe.parameters_of(found.name).model_validate(trained.training.settings)
    wanted = found.bases_of(settings)
    optional = {name: wanted[name] for name in found.optional_bases if name in wanted}
    with tempfile.TemporaryDirectory() as scratch:
        bases = _read_bases(optional, found.name, job, Path(scratch))
        for name, base in bases.items():
            had = trained.training.bases.get(name)
            if files.sha256_of_file(base.folder / WEIGHTS) != had:
                raise BadData(
                    f"The channel {name!r} has another model than the training was given; its "
                    f"weights have to have the sha256 {had}."
                )
        _attach(found, network, bases)


def _attach(found: Recipe, network: torch.nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    optional = {name: base for name, base in bases.items() if name in found.optional_bases}
    attach = recipe_code(found.name).attach
    if optional and attach is not None:
        attach(network, optional)


def _read_bases(
    wanted: Mapping[str, str], name: str, job: TrainingJob, scratch: Path
) -> dict[str, TrainedModel]:
    bases = {
        channel: artefacts.read_training(job.channel(channel), scratch / channel)
        for channel in wanted
    }
    for channel, base in bases.items():
        if base.training.recipe != wanted[channel]:
            raise BadData(
                f"The channel {channel!r} has a model of {base.training.recipe}, and "
                f"{name} begins from one of {wanted[channel]}."
            )
    return bases


def gate_problems(base: TrainedModel) -> list[str]:
    """Return why a trained model should found no other: its preset, its gates, its own bases."""
    training = base.training
    problems = [f"it begins from {each}" for each in training.unapproved_bases]
    if training.preset == "smoke":
        return [*problems, "it is of the preset smoke, which is held to no gate"]
    try:
        numbers = json.loads((base.folder / EVALUATION).read_text(encoding="utf-8"))
        if (manifest := base.folder / FILE).is_file():
            # What its exported graphs were measured to is known since the evaluation.
            numbers |= Signature.model_validate_json(manifest.read_bytes()).metrics
    except (OSError, ValueError):
        return [*problems, f"it has no whole {EVALUATION}, so that no gate was held to it"]
    return problems + missed_gates(artefacts.gates_of_training(training), numbers)


def _require_same_words(channel: str, base: TrainedModel, own: Mapping[str, bytes]) -> None:
    """Raise BadData if a base was trained with another tokenizer or vocabulary."""
    for name, content in own.items():
        theirs = base.folder / name
        if theirs.is_file() and theirs.read_bytes() != content:
            raise BadData(
                f"The model of the channel {channel!r} was trained by other words than the channel "
                f"has: its {name} is another, so that tokens would mean something else. Train "
                f"{base.training.recipe} on data with the same words, or prepare the data by its "
                f"{name}."
            )
