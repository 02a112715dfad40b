"""The second job of a recipe: a trained network is judged, held to its gates and to the champion,
exported, and described. It runs on a CPU, whatever trained the network. `judge` is the first half.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from chalicelib.contracts.exported import FILE, GraphSpec, Origin, Signature
from models.common import artefacts, cards, champion, gates, hashes, metrics, pictures, recipe
from models.common.artefacts import Trained, Training
from models.common.champion import Difference
from models.common.export import export, staged
from models.common.failures import BadData
from models.common.family import Evaluation, Graph, family
from models.common.history import HISTORY, read_history
from models.common.job import (
    CARD,
    CHAMPION_CHANNEL,
    EVALUATION,
    MODEL_CHANNEL,
    TRAINING,
    TRAINING_CHANNEL,
    WEIGHTS,
    Job,
)
from models.common.recipe import Recipe, Settings
from models.common.writing import write_json, write_whole

Say = Callable[[str], None]
Exporter = Callable[[Mapping[str, Graph], Path], Mapping[str, GraphSpec]]
"""Writes each graph as NAME.onnx into a folder and returns what it is."""


def finish_job(job: Job, say: Say, exporter: Exporter = export) -> None:
    """Judge, hold to the gates and the champion, export and describe; the model folder is whole or
    not there.
    """
    with tempfile.TemporaryDirectory() as scratch:
        judged = _judged(job, Path(scratch), say)
        trained, evaluation = judged.trained, judged.evaluation
        differences = _against_champion(job, judged.recipe, trained, evaluation, Path(scratch), say)
        with staged(job.model, last=FILE) as into:
            signature = exported(
                trained, judged.network, judged.data, evaluation.numbers, into, exporter
            )
            _write(into, Described(judged, signature, differences))
    say(f"Exported {', '.join(spec.file for spec in signature.graphs.values())}.")


def judge_job(job: Job, say: Say) -> None:
    """Judge, and hold to the gates: all of a finished model but graphs, manifest and card, so that
    others can begin from it and nothing serves it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        judged = _judged(job, Path(scratch), say)
        files = family(judged.recipe.name).files(judged.data, judged.settings)
        with staged(job.model, last=TRAINING) as into:
            for name, content in files.items():
                write_whole(into / name, content)
            _write_judged(into, judged)
    say("Judged, and not exported.")


@dataclass(frozen=True, slots=True)
class Judged:
    """A trained network, with what it is worth on the data of its training."""

    recipe: Recipe
    settings: Settings
    trained: Trained
    network: nn.Module
    data: Any
    evaluation: Evaluation


def _judged(job: Job, scratch: Path, say: Say) -> Judged:
    trained = artefacts.find(job.channel(MODEL_CHANNEL), scratch / "unpacked")
    found = recipe.load(trained.training.recipe)
    settings, network = restored(trained)
    data_at = job.channel(TRAINING_CHANNEL)
    if hashes.of_folder(data_at) != trained.training.data:
        raise BadData(f"{data_at} is not the data that the network was trained on.")
    code = family(found.name)
    data = code.load(data_at)
    evaluation = code.evaluate(network, data, settings)
    say(metrics.line(settings.steps, evaluation.numbers))
    if trained.training.preset != "smoke":
        gates.hold(found.gates, evaluation.numbers)
    return Judged(found, settings, trained, network, data, evaluation)


def restored(trained: Trained) -> tuple[Settings, nn.Module]:
    """Return a training's settings, and the network with its weights, to be judged or exported."""
    name = trained.training.recipe
    settings = recipe.parameters_of(name).model_validate(trained.training.settings)
    torch.set_num_threads(settings.threads)
    network = family(name).network(settings)
    network.load_state_dict(dict(trained.weights))
    return settings, network.eval()


def exported(
    trained: Trained,
    network: nn.Module,
    data: Any,
    numbers: Mapping[str, float],
    into: Path,
    exporter: Exporter = export,
) -> Signature:
    """Write what serves a network into a folder, and return the manifest, which is not written.

    Raises:
        OutOfParity: a graph says something else than the network.
        TrainingFailure: a graph cannot be exported.
        DiskFull: there was no room.
    """
    found, code = recipe.load(trained.training.recipe), family(trained.training.recipe)
    settings = recipe.parameters_of(found.name).model_validate(trained.training.settings)
    specs = exporter(code.graphs(network, settings), into)
    files = code.files(data, settings)
    for name, content in files.items():
        write_whole(into / name, content)
    return Signature(
        name=f"{found.name}-{trained.training.preset}",
        family=found.family,
        licence=found.licence,
        graphs=specs,
        constants={**code.constants(settings), **code.learned(network)},
        files={name: hashes.of_file(into / name) for name in files},
        metrics=dict(numbers),
        origin=_origin(trained.training, settings),
    )


def _against_champion(
    job: Job, found: Recipe, trained: Trained, evaluation: Evaluation, scratch: Path, say: Say
) -> Mapping[str, Difference]:
    """Compare with the model that the champion's channel has, if the job has one.

    Raises:
        BelowChampion: it is better beyond chance.
    """
    if CHAMPION_CHANNEL not in job.channels:
        return {}
    other = artefacts.find(job.channel(CHAMPION_CHANNEL), scratch / CHAMPION_CHANNEL)
    theirs = champion.scores_of(other.folder)
    if reason := (
        champion.incomparable(other, found.name, trained.training.data)
        or champion.other_rows(evaluation.scores, theirs)
    ):
        say(f"Not compared with the champion: {reason}.")
        return {}
    differences = champion.compare(found.gates, evaluation.scores, theirs)
    if not differences:
        say("Not compared with the champion: nothing that both scored has a gate.")
    for name, each in differences.items():
        say(f"Against the champion: {name} {each.low:+.4g} to {each.high:+.4g}, p {each.p:.3g}.")
    champion.hold(differences)
    return differences


@dataclass(frozen=True, slots=True)
class Described:
    """What is written beside the graphs."""

    judged: Judged
    signature: Signature
    differences: Mapping[str, Difference]


def _origin(training: Training, settings: Settings) -> Origin:
    return Origin(
        recipe=training.recipe,
        preset=training.preset,
        seed=settings.seed,
        steps=settings.steps,
        data=training.data,
        code=training.code,
        bases=training.bases,
        torch=training.torch,
        device=training.device,
    )


def _curves(folder: Path, found: Recipe) -> Mapping[str, pictures.Pixels]:
    """Return the curves of the loss, and of what else the recipe draws of what steps measured."""
    history = read_history(folder / HISTORY)
    measured = {name for row in history.values() for name in row}
    names = ("loss", *(name for name in found.curves if name in measured))
    return {name: pictures.curve(history, name) for name in names}


def _write(into: Path, all_of: Described) -> None:
    judged = all_of.judged
    drawn = {
        **judged.evaluation.pictures,
        **_curves(judged.trained.folder, judged.recipe),
    }
    for name, pixels in drawn.items():
        pictures.save(pixels, into / f"{name}.png")
    if all_of.differences:
        write_json(into / champion.COMPARISON, champion.written(all_of.differences))
    _write_judged(into, judged)
    told = cards.card(
        judged.recipe,
        judged.settings,
        all_of.signature,
        [f"{name}.png" for name in drawn],
        all_of.differences,
    )
    write_whole(into / CARD, told.encode())
    write_json(into / FILE, all_of.signature.model_dump(mode="json"))


def _write_judged(into: Path, judged: Judged) -> None:
    write_json(into / EVALUATION, judged.evaluation.numbers)
    if judged.evaluation.scores:
        write_whole(into / champion.SCORES, champion.packed(judged.evaluation.scores))
    for name in (WEIGHTS, TRAINING, HISTORY):
        write_whole(into / name, (judged.trained.folder / name).read_bytes())
