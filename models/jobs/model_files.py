"""The files of a trained model beside its graphs: card, numbers, pictures, weights and record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from chalicelib.contracts.model_card import CARD_FILE, CARD_FOLDER, ModelCard
from chalicelib.contracts.model_manifest import FILE, GateBounds, ModelOrigin, Signature
from models.evaluation import champion, figures
from models.evaluation.champion import Difference
from models.export.card_markdown import card_markdown
from models.export.model_card import model_card
from models.files import write_atomically, write_json
from models.serving.packages import package_code
from models.training.artefacts import TrainedModel, TrainingRecord, gates_of_training
from models.training.curves import sampled_curves
from models.training.job import CARD, EVALUATION, JUDGE, TRAINING, WEIGHTS
from models.training.metrics import HISTORY, read_history
from models.training.recipe import Recipe
from models.training.recipe_code import Evaluation
from models.training.settings import RecipeSettings
from models.training_data.channel import DataManifest


@dataclass(frozen=True, slots=True)
class JudgedModel:
    """A trained network with its data and its evaluation."""

    recipe: Recipe
    settings: RecipeSettings
    trained: TrainedModel
    network: nn.Module
    data: Any
    evaluation: Evaluation
    manifest: DataManifest | None = None
    """Of rows: what they are and where they come from."""


@dataclass(frozen=True, slots=True)
class ModelRelease:
    """The content of the files beside the graphs."""

    judged: JudgedModel
    signature: Signature
    differences: Mapping[str, Difference]


def write_release(into: Path, all_of: ModelRelease) -> ModelCard:
    """Write all files of a model that serves, and return its card; the manifest comes last."""
    judged = all_of.judged
    pictures = _write_pictures(into, judged)
    if all_of.differences:
        write_json(into / champion.COMPARISON, champion.comparison_document(all_of.differences))
    write_judged(into, judged)
    for name, content in package_code(all_of.signature.graphs).items():
        write_atomically(into / name, content)
    card = model_card(
        judged.recipe,
        judged.settings,
        all_of.signature,
        pictures,
        all_of.differences,
        judged.evaluation.unknown,
        judged.manifest,
    )
    write_atomically(into / CARD, card_markdown(card).encode())
    write_json(into / FILE, all_of.signature.model_dump(mode="json"))
    return _with_curves(card, judged)


def write_refusal(
    into: Path, judged: JudgedModel, served: Mapping[str, float] | None = None
) -> ModelCard:
    """Write and return the card of a model below its gates; its numbers and pictures are beside it.

    `served` are the numbers of its graphs; None if it was refused before they were exported.
    """
    training, found = judged.trained.training, judged.recipe
    numbers = {**judged.evaluation.numbers, **(served or {})}
    unknown = dict(judged.evaluation.unknown)
    if served is None:
        reason = "its network missed a gate, so that no graph was exported"
        gates = gates_of_training(training)
        unknown |= {name: reason for name in found.served_numbers if name in gates}
    signature = Signature(
        name=f"{found.name}-{training.preset}",
        family=found.family,
        licence=found.licence,
        graphs={},
        constants={},
        metrics=numbers,
        origin=model_origin(training, judged.settings, judged.manifest),
    )
    into.mkdir(parents=True, exist_ok=True)
    write_json(into / EVALUATION, numbers)
    pictures = _write_pictures(into, judged)
    card = model_card(found, judged.settings, signature, pictures, {}, unknown, judged.manifest)
    write_atomically(into / CARD, card_markdown(card).encode())
    return _with_curves(card, judged)


def publish_card(card: ModelCard, pictures: Path, checkpoints: Path) -> None:
    """Write a card and its pictures, of the folder `pictures`, where they can be read one by one.

    The artefact is one archive, of which nothing can be had without all of it; the folder
    `checkpoints` is copied to S3 as files. The card comes last.
    """
    into = checkpoints / CARD_FOLDER
    for name in card.pictures:
        write_atomically(into / name, (pictures / name).read_bytes())
    write_atomically(into / CARD_FILE, card.model_dump_json().encode())


def write_judged(into: Path, judged: JudgedModel) -> None:
    """Write what others can begin from and compare with: numbers, scores, weights and record."""
    write_json(into / EVALUATION, judged.evaluation.numbers)
    if judged.evaluation.judge:
        write_json(into / JUDGE, champion.judge_document(judged.evaluation.judge))
    if judged.evaluation.scores:
        write_atomically(into / champion.SCORES, champion.pack_scores(judged.evaluation.scores))
    for name, content in judged.evaluation.files.items():
        write_atomically(into / name, content)
    for name in (WEIGHTS, TRAINING, HISTORY):
        write_atomically(into / name, (judged.trained.folder / name).read_bytes())


def _write_pictures(into: Path, judged: JudgedModel) -> list[str]:
    """Write the evaluation's pictures and the curves; return the names of their files."""
    drawn = {
        **judged.evaluation.pictures,
        **_curves(judged.trained.folder, judged.recipe),
    }
    for name, pixels in drawn.items():
        figures.save(pixels, into / f"{name}.png")
    return [f"{name}.png" for name in drawn]


def _with_curves(card: ModelCard, judged: JudgedModel) -> ModelCard:
    history = read_history(judged.trained.folder / HISTORY)
    return card.model_copy(update={"curves": sampled_curves(history)})


def _curves(folder: Path, found: Recipe) -> Mapping[str, figures.Pixels]:
    """Return curves of the loss and of the recipe's other plotted metrics."""
    history = read_history(folder / HISTORY)
    measured = {name for row in history.values() for name in row}
    names = ("loss", *(name for name in found.curves if name in measured))
    return {name: figures.curve(history, name) for name in names}


def model_origin(
    training: TrainingRecord, settings: RecipeSettings, data: DataManifest | None
) -> ModelOrigin:
    """Return where a model comes from, as its manifest says; `data` is of rows."""
    return ModelOrigin(
        recipe=training.recipe,
        preset=training.preset,
        seed=settings.seed,
        steps=settings.steps,
        own_data=training.own_data,
        tenant=data.tenant if data is not None else "",
        asked_gates={
            name: GateBounds(least=each.least, most=each.most)
            for name, each in training.asked_gates.items()
        },
        data=training.data,
        code=training.code,
        bases=training.bases,
        unapproved_bases=training.unapproved_bases,
        torch=training.torch,
        device=training.device,
    )
