"""The jobs `finish` and `judge`, which follow a training. They run on a CPU.

`finish` evaluates a trained network, requires its gates, compares it with the champion, exports it
and writes its card. `judge` stops after the gates.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import nn

from chalicelib.contracts.model_manifest import (
    FILE,
    GraphSpec,
    Signature,
)
from models.bases.folder import CHANNEL, BaseModel, read_base
from models.evaluation import champion
from models.evaluation.champion import Difference
from models.export.graphs import export_graphs, staged_folder
from models.failures import BadData, BelowGate, NotFinite
from models.files import sha256_of_file, write_atomically
from models.jobs.model_files import (
    JudgedModel,
    ModelRelease,
    model_origin,
    publish_card,
    write_judged,
    write_refusal,
    write_release,
)
from models.jobs.trained_bases import attach_bases
from models.training import artefacts, metrics, recipe
from models.training.artefacts import TrainedModel
from models.training.checkpoints import Stateful
from models.training.gates import require_gates
from models.training.job import (
    CHAMPION_CHANNEL,
    MODEL_CHANNEL,
    REFUSED,
    TRAINING,
    TRAINING_CHANNEL,
    TrainingJob,
)
from models.training.learned_weights import LearnedWeights
from models.training.recipe import Recipe
from models.training.recipe_code import Evaluation, Graph, make_network, recipe_code
from models.training.settings import RecipeSettings
from models.training_data.channel import DataManifest, data_version, is_channel, read_manifest

Say = Callable[[str], None]
Exporter = Callable[[Mapping[str, Graph], Path], Mapping[str, GraphSpec]]
"""Writes each graph as NAME.onnx into a folder and returns what it is."""


def finish_job(job: TrainingJob, say: Say, exporter: Exporter = export_graphs) -> None:
    """Evaluate, require gates, compare with the champion, export, and write the card.

    The model folder gets all files or none. A model below its gates leaves its card and its numbers
    in `refused` of the job's output. Gates on what the exported graphs say come after the export.
    """
    with tempfile.TemporaryDirectory() as scratch:
        judged = _with_duel(job, _judge(job, Path(scratch), say), Path(scratch), say)
        trained, evaluation = judged.trained, judged.evaluation
        differences = _compare_with_champion(
            job, judged.recipe, trained, evaluation, Path(scratch), say
        )
        with staged_folder(job.model, last=FILE) as into:
            signature = export_model(
                trained,
                judged.network,
                judged.data,
                evaluation.numbers,
                into,
                exporter,
                judged.manifest,
            )
            require_served_gates(job, judged, signature.metrics)
            card = write_release(into, ModelRelease(judged, signature, differences))
            publish_card(card, into, job.checkpoints)
    say(f"Exported {', '.join(spec.file for spec in signature.graphs.values())}.")


def judge_job(job: TrainingJob, say: Say) -> None:
    """Evaluate and require the gates, without export.

    The model folder gets all files but graphs, manifest and card: other recipes can use it as a
    base, and nothing serves it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        judged = _judge(job, Path(scratch), say)
        code = recipe_code(judged.recipe.name)
        files = {
            **code.files(judged.data, judged.settings),
            **code.network_files(judged.network),
        }
        with staged_folder(job.model, last=TRAINING) as into:
            for name, content in files.items():
                write_atomically(into / name, content)
            write_judged(into, judged)
    say("Judged, and not exported.")


def _judge(job: TrainingJob, scratch: Path, say: Say) -> JudgedModel:
    trained = artefacts.read_training(job.channel(MODEL_CHANNEL), scratch / "unpacked")
    found = recipe.load(trained.training.recipe)
    data_at = job.channel(TRAINING_CHANNEL)
    if data_version(data_at) != trained.training.data:
        raise BadData(f"{data_at} is not the data that the network was trained on.")
    code = recipe_code(found.name)
    data = code.load(data_at)
    settings, network = restore_network(trained, data, base_model_of(job, trained))
    attach_bases(trained, network, job)
    evaluation = code.evaluate(network, data, settings)
    say(metrics.log_line(settings.steps, evaluation.numbers))
    require_finite(evaluation.numbers)
    manifest = read_manifest(data_at) if is_channel(data_at) else None
    judged = JudgedModel(found, settings, trained, network, data, evaluation, manifest)
    if trained.training.preset != "smoke":
        try:
            gates = artefacts.gates_of_training(trained.training)
            of_network = {name: gates[name] for name in gates if name not in found.served_numbers}
            require_gates(of_network, evaluation.numbers, evaluation.unknown)
        except BelowGate:
            refuse(job, judged)
            raise
    return judged


def require_served_gates(
    job: TrainingJob, judged: JudgedModel, measured: Mapping[str, float]
) -> None:
    """Raise BelowGate if what the exported graphs were measured to is below a gate on it.

    The numbers and a card are left in `refused` of the job's output.
    """
    if judged.trained.training.preset == "smoke":
        return
    gates = artefacts.gates_of_training(judged.trained.training)
    names = [name for name in judged.recipe.served_numbers if name in gates]
    try:
        require_gates({name: gates[name] for name in names}, measured)
    except BelowGate:
        refuse(job, judged, measured)
        raise


def refuse(
    job: TrainingJob, judged: JudgedModel, served: Mapping[str, float] | None = None
) -> None:
    """Leave the card and the numbers of a model below its gates in the job's output.

    `served` are the numbers of its graphs, if it was exported.
    """
    card = write_refusal(job.output / REFUSED, judged, served)
    publish_card(card, job.output / REFUSED, job.checkpoints)


def require_finite(numbers: Mapping[str, float]) -> None:
    """Raise NotFinite if a metric is nan or infinite, whether it has a gate or not."""
    if broken := [f"{name} is {value}" for name, value in numbers.items() if not isfinite(value)]:
        raise NotFinite(f"The evaluation is not finite: {', '.join(broken)}.")


def base_model_of(job: TrainingJob, trained: TrainedModel) -> BaseModel | None:
    """Return the base model of a training, from its channel, or None if its recipe has none.

    Raises:
        BadData: the channel is missing, or has another base than the training began from.
    """
    wanted = trained.training.bases.get(CHANNEL)
    if wanted is None:
        return None
    base = read_base(job.channel(CHANNEL))
    if base.sha256 != wanted:
        raise BadData(
            f"The channel {CHANNEL!r} has {base.record.name}, and not the base that was tuned: its "
            f"sha256 is {base.sha256[:12]}… and has to be {wanted[:12]}…"
        )
    return base


def restore_network(
    trained: TrainedModel, data: Any = None, base: BaseModel | None = None
) -> tuple[RecipeSettings, nn.Module]:
    """Return the settings of a training, and the network with its weights, in eval mode.

    A network that tunes a base model is built of `base` and `data` before.

    Raises:
        BadData: the weights are not those that the settings learn from this base.
        NotFinite: a weight is nan or infinite, which answers by argmax would hide.
    """
    if broken := [name for name, each in trained.weights.items() if not each.isfinite().all()]:
        raise NotFinite(
            f"The weights {', '.join(broken[:3])} of {trained.folder} are not finite; train again "
            "with a lower learning_rate or a clip_norm."
        )
    name = trained.training.recipe
    settings = recipe.parameters_of(name).model_validate(trained.training.settings)
    torch.set_num_threads(settings.threads)
    network = make_network(recipe_code(name), settings, data, base)
    kept: Stateful = LearnedWeights(network) if base else network
    kept.load_state_dict(dict(trained.weights))
    return settings, network.eval()


def export_model(
    trained: TrainedModel,
    network: nn.Module,
    data: Any,
    numbers: Mapping[str, float],
    into: Path,
    exporter: Exporter = export_graphs,
    rows: DataManifest | None = None,
) -> Signature:
    """Write the files that serve a network; return the manifest, which is not written.

    `rows` is the manifest of the rows that it learned from, if they have one.

    Raises:
        OutOfParity: a graph says something else than the network.
        TrainingFailure: a graph cannot be exported.
        DiskFull: there was no room.
    """
    found, code = recipe.load(trained.training.recipe), recipe_code(trained.training.recipe)
    settings = recipe.parameters_of(found.name).model_validate(trained.training.settings)
    specs = exporter(code.graphs(network, settings), into)
    files = {**code.files(data, settings), **code.network_files(network)}
    for name, content in files.items():
        write_atomically(into / name, content)
    return Signature(
        name=f"{found.name}-{trained.training.preset}",
        family=found.family,
        licence=found.licence,
        graphs=specs,
        constants={**code.constants(settings), **code.learned(network)},
        files={name: sha256_of_file(into / name) for name in files},
        metrics={**numbers, **code.measured(into, network, data, settings)},
        origin=model_origin(trained.training, settings, rows),
    )


def _with_duel(job: TrainingJob, judged: JudgedModel, scratch: Path, say: Say) -> JudgedModel:
    """Return the model with the metrics of its recipe's duel with the champion, if there are both.

    Raises:
        BadData: the champion can't be compared.
    """
    duel = recipe_code(judged.recipe.name).duel
    if duel is None or CHAMPION_CHANNEL not in job.channels:
        return judged
    other = artefacts.read_training(job.channel(CHAMPION_CHANNEL), scratch / "duel")
    numbers = duel(judged.network, other, judged.data, judged.settings)
    say(metrics.log_line(judged.settings.steps, numbers))
    require_finite(numbers)
    both = {**judged.evaluation.numbers, **numbers}
    return replace(judged, evaluation=replace(judged.evaluation, numbers=both))


def _compare_with_champion(
    job: TrainingJob,
    found: Recipe,
    trained: TrainedModel,
    evaluation: Evaluation,
    scratch: Path,
    say: Say,
) -> Mapping[str, Difference]:
    """Return the differences to the model in the champion channel, if there is one.

    Raises:
        BelowChampion: it is better beyond chance.
    """
    if CHAMPION_CHANNEL not in job.channels:
        return {}
    other = artefacts.read_training(job.channel(CHAMPION_CHANNEL), scratch / CHAMPION_CHANNEL)
    theirs = champion.read_scores(other.folder)
    if reason := (
        champion.incomparability(other, found.name, trained.training.data, evaluation.judge)
        or champion.score_mismatch(evaluation.scores, theirs)
    ):
        say(f"Not compared with the champion: {reason}.")
        return {}
    gates = artefacts.gates_of_training(trained.training)
    differences = champion.compare(gates, evaluation.scores, theirs)
    if not differences:
        say("Not compared with the champion: nothing that both scored has a gate.")
    for name, each in differences.items():
        say(f"Against the champion: {name} {each.low:+.4g} to {each.high:+.4g}, p {each.p:.3g}.")
    champion.require_not_worse(differences)
    return differences
