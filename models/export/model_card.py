"""The model card: what a model is, its evaluation, its graphs and its origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chalicelib.contracts.model_card import (
    CardDifference,
    CardFact,
    CardGraph,
    CardNumber,
    CardProblem,
    ModelCard,
)
from chalicelib.contracts.model_manifest import Signature
from models.evaluation.champion import Difference
from models.training.gates import Gate, missed_gates
from models.training.recipe import Recipe
from models.training.recipe_gates import gates_of
from models.training.settings import RecipeSettings
from models.training_data.channel import DataManifest, TeacherRecord

_SHOWN_CLASSES = 20


def model_card(
    recipe: Recipe,
    settings: RecipeSettings,
    signature: Signature,
    pictures: Sequence[str],
    differences: Mapping[str, Difference],
    unknown: Mapping[str, str] | None = None,
    manifest: DataManifest | None = None,
) -> ModelCard:
    """Return the card, without curves.

    `pictures` are files beside it; `differences` are those to the champion, if there was one.
    `unknown` says by name why a number cannot be told. `manifest` is that of a channel of rows.
    """
    return ModelCard(
        name=signature.name,
        about=recipe.about,
        verdict=verdict(recipe, signature, unknown),
        pictures=tuple(pictures),
        numbers=tuple(_numbers(signature.metrics, unknown or {}, _gates(recipe, signature))),
        differences=tuple(_difference(name, each) for name, each in differences.items()),
        graphs=tuple(_graphs(signature)),
        data=tuple(_data(manifest)),
        problems=tuple(
            CardProblem(name=each.name, rows=each.rows, about=each.about)
            for each in (manifest.problems if manifest else ())
        ),
        origin=tuple(_origin(recipe, settings, signature, manifest)),
    )


def _origin(
    recipe: Recipe, settings: RecipeSettings, signature: Signature, manifest: DataManifest | None
) -> Iterator[CardFact]:
    origin, data = signature.origin, recipe.dataset
    yield _fact("recipe, preset", f"{origin.recipe}, {origin.preset}")
    yield _fact("licence of the model", signature.licence)
    yield _fact("data", manifest.kind if manifest else f"{data.name}, {data.licence}")
    yield _fact("source of the data", manifest.source if manifest else data.source)
    yield _fact("sha256 of the data", origin.data)
    yield _fact("sha256 of the code", origin.code)
    trained = f"torch {origin.torch} on {origin.device}, seed {origin.seed}"
    yield _fact("trained by", trained)
    for name, value in settings.model_dump().items():
        yield _fact(name, value)


def _fact(name: str, value: Any) -> CardFact:
    return CardFact(name=name, value=str(value))


def _teacher(each: TeacherRecord) -> str:
    """Return which model answered the rows, and on which terms that was agreed to."""
    dropped = ", ".join(f"{count:,} {reason}" for reason, count in each.dropped.items())
    read = f"{each.source}, read {each.read}" if each.read else f"{each.source or 'no source'}"
    return (
        f"{each.model} of {each.provider}: {each.rows:,} answers, {dropped or 'none'} left out. "
        f"Terms {each.terms}, {each.training}: {each.says} ({read}) "
        f"{'Agreed to.' if each.accepted else 'Not agreed to.'}"
    )


def _data(manifest: DataManifest | None) -> Iterator[CardFact]:
    if manifest is None:
        return
    yield _fact("licence", manifest.licence)
    yield _fact("rows", ", ".join(f"{count:,} {part}" for part, count in manifest.counts.items()))
    yield _fact("split", manifest.split)
    yield _fact("prepared by", manifest.made_by or "the recipe's data set")
    if manifest.tenant:
        yield _fact("tenant", f"{manifest.tenant}, of whose data the rows came")
    for each in manifest.teachers:
        yield _fact("teacher", _teacher(each))
    if manifest.classes:
        shown = list(manifest.classes.items())[:_SHOWN_CLASSES]
        more = len(manifest.classes) - len(shown)
        told = ", ".join(f"{name} {count:,}" for name, count in shown)
        yield _fact("classes", told + (f", and {more:,} more" if more else ""))


def _graphs(signature: Signature) -> Iterator[CardGraph]:
    for spec in signature.graphs.values():
        yield CardGraph(
            file=spec.file,
            takes=", ".join(_shape(each.name, each.shape) for each in spec.inputs),
            gives=", ".join(_shape(each.name, each.shape) for each in spec.outputs),
            size=spec.size,
            parity=spec.parity,
        )


def _gates(recipe: Recipe, signature: Signature) -> Mapping[str, Gate]:
    origin = signature.origin
    return gates_of(recipe, origin.asked_gates, own_data=origin.own_data)


def verdict(recipe: Recipe, signature: Signature, unknown: Mapping[str, str] | None = None) -> str:
    """Return in one sentence each whether the model may serve, and what speaks against it."""
    origin = signature.origin
    if origin.preset == "smoke":
        said = ["The preset smoke is held to no gate: it may not serve, nor found other models."]
    elif missed := missed_gates(_gates(recipe, signature), signature.metrics, unknown):
        said = [f"**It misses its gates and may not serve:** {'; '.join(missed)}."]
    else:
        said = ["It reaches every gate."]
    said += [f"**It begins from what it should not:** {why}." for why in origin.unapproved_bases]
    return " ".join(said)


def _numbers(
    numbers: Mapping[str, float], unknown: Mapping[str, str], gates: Mapping[str, Gate]
) -> Iterator[CardNumber]:
    for name in {**numbers, **unknown}:
        reason = unknown.get(name, "")
        value = None if reason else numbers[name]
        gate = gates.get(name)
        yield CardNumber(
            name=name,
            value=value,
            unknown=reason,
            gate=_bounds(gate),
            missed=gate is not None and bool(missed_gates({name: gate}, numbers, unknown)),
        )


def _difference(name: str, each: Difference) -> CardDifference:
    return CardDifference(
        name=name,
        champion=each.champion,
        challenger=each.challenger,
        low=each.low,
        high=each.high,
        p=each.p,
    )


def _bounds(gate: Gate | None) -> str:
    if gate is None:
        return ""
    bounds = [(gate.least, "at least"), (gate.most, "at most")]
    return ", ".join(f"{word} {bound:g}" for bound, word in bounds if bound is not None)


def _shape(name: str, shape: Sequence[int | str]) -> str:
    return f"{name} [{', '.join(map(str, shape))}]"
