"""Recipes: data, settings, presets, targets, metrics and gates of a model.

`models/recipes/NAME/recipe.yaml` holds one. `parameters.py` beside it has the settings as a model,
`Parameters`, so that a wrong field is found before a job is paid for. None of it needs torch.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.failures import BadRecipe
from models.training.gates import Bounds, Gate, stricter_gate
from models.training.ranges import TuningRanges, ValueChoices
from models.training.targets import TargetName

FOLDER = Path(__file__).parents[1] / "recipes"
FILE = "recipe.yaml"

PresetName = Literal["smoke", "tiny", "full"]
"""`smoke` takes seconds and proves that it runs; `tiny` takes minutes on a CPU and passes its
gates; `full` is what one would train on an accelerator."""


class RecipeSettings(BaseModel):
    """The settings of every recipe, which a recipe's `Parameters` extends."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: Annotated[int, Field(ge=1, le=10_000_000)]
    """Optimiser steps."""
    batch: Annotated[int, Field(ge=1, le=65_536)]
    """Rows a step, over all processes together."""
    learning_rate: Annotated[float, Field(gt=0, le=10)]
    """The highest rate: it rises over `warmup` steps and falls as a cosine."""
    warmup: Annotated[int, Field(ge=0)] = 0
    """Steps over which the rate rises from nothing."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    """The most that the norm of all gradients may be."""
    checkpoint_every: Annotated[int, Field(ge=1)] = 100
    """Steps between checkpoints."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Threads of a process on a CPU; more change the last digits of sums."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """The number format of matrix products; weights stay fp32."""
    accumulate: Annotated[int, Field(ge=1, le=1024)] = 1
    """Parts of a process's rows that are computed one after the other, and whose gradients are
    averaged: less memory for the same step. A loss that compares rows compares those of a part."""
    checkpointing: bool = False
    """Whether layers are computed again for their gradients, and not remembered: much less memory,
    about a third more time. Networks of transformers and diffusers can."""
    sharded: bool = False
    """Whether each of several processes holds a part of the network (FSDP), and not all of it: for
    a base that is larger than a device. In one process it changes nothing."""
    validation_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """The share of the training's rows that are not learned. The model has the weights whose loss
    on them was lowest."""
    validate_every: Annotated[int, Field(ge=1)] = 100
    """Steps between looks at the loss on them."""
    patience: Annotated[int, Field(ge=1)] | None = None
    """Looks in a row without a lower loss after which the training ends; None trains all steps."""

    @model_validator(mode="after")
    def _has_rows_to_stop_by(self) -> Self:
        if self.patience is not None and not self.validation_share:
            raise ValueError("patience needs validation_share, the rows whose loss it watches")
        if self.sharded and self.validation_share:
            raise ValueError(
                "sharded keeps no best weights; leave validation_share out, or sharded"
            )
        return self


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Metric(_Part):
    """A metric that each step logs."""

    better: Literal["lower", "higher"]
    about: str


class Dataset(_Part):
    """The data set of a recipe. `name` is a module of `models/datasets`."""

    name: str
    licence: str
    source: str


BaseKind = Literal["decoder", "encoder", "encoder_decoder", "image_text", "diffusion"]
"""What a recipe can begin from: models that write, that read, that do both, that compare pictures
with words, and that draw."""

DataKind = Literal[
    "chat",
    "preference",
    "text",
    "labelled_text",
    "tagged_text",
    "text_pairs",
    "captioned_images",
    "classed_images",
    "image_questions",
    "products",
]
"""The kinds of rows of a user's data; `models/training_data` reads them."""


class BaseUse(_Part):
    """The base model of a recipe: its kind, and the shipped one that it uses by default."""

    kind: BaseKind
    default: str


class TargetUse(_Part):
    """A recipe's resources on a target; None means the target's default."""

    instance: str | None = None
    count: Annotated[int, Field(ge=1, le=64)] = 1
    volume_gb: Annotated[int, Field(ge=1, le=16_384)] = 30
    hours: Annotated[float, Field(gt=0, le=672)] = 1.0
    """The longest that a job may take (MaxRuntimeInSeconds)."""


class Recipe(_Part):
    """A recipe, as in its `recipe.yaml`. `resolve` validates its presets."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
    family: str
    about: str
    licence: str
    dataset: Dataset
    bases: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,30}$")], str] = {}
    """The trained models it starts from: their recipes, by channel."""
    base_model: BaseUse | None = None
    """The pretrained model that it tunes, in the channel `base_model` of both jobs."""
    data_kind: DataKind | None = None
    """The rows that it learns from, if a user's own data can take the place of its data set."""
    other_data_kinds: tuple[DataKind, ...] = ()
    """Further kinds of rows that it reads, such as classes where it learns from captions."""
    served_by: Annotated[str, Field(pattern=r"^([a-z][a-z_]{0,39})?$")] = ""
    """The function that answers by versions of it under a name that an operator gives."""
    metrics: Mapping[str, Metric]
    watch: str = "loss"
    """The metric that gets better as training goes on; in a GAN or with PPO it is not the loss."""
    curves: tuple[str, ...] = ()
    """Metrics that the card draws over the steps, beside the loss."""
    gates: Mapping[str, Gate]
    """By the number's name in the evaluation. They hold for `tiny` and `full`; `smoke` is too short
    to reach them."""
    shardable: bool = False
    """Whether its network can be shared by processes, by the setting `sharded`."""
    own_gates: Mapping[str, Gate] = {}
    """The gates on a user's own data: marks that hold for any data, such as a gain over the base
    whose interval lies above 0."""
    numbers: tuple[str, ...] = ()
    """Numbers of the evaluation beside those of the gates, without the ends of their intervals;
    `f1_*` stands for one for each class of the data."""
    served_numbers: tuple[str, ...] = ()
    """Numbers of the exported graphs, which gates can bound, too."""
    parameters: Mapping[str, Any] = {}
    """Settings that all presets share."""
    presets: Mapping[PresetName, Mapping[str, Any]]
    variants: Mapping[str, Mapping[str, Any]] = {}
    """Other ways of the same recipe, as settings over a preset's: `models.train_all` trains them
    too."""
    tuning: TuningRanges | None = None
    """The search space of its tuning, and the metric to tune for."""
    targets: Mapping[TargetName, TargetUse]

    @property
    def tuned_for(self) -> Literal["Minimize", "Maximize"]:
        """Return whether the objective of a tuning is minimised or maximised."""
        assert self.tuning is not None
        metric = self.metrics.get(self.tuning.objective)
        if metric is not None:
            return "Minimize" if metric.better == "lower" else "Maximize"
        return "Minimize" if self.gates[self.tuning.objective].least is None else "Maximize"

    @model_validator(mode="after")
    def _is_whole(self) -> Recipe:
        if "loss" not in self.metrics:
            raise ValueError("metrics needs loss, which the loop watches")
        if self.watch not in self.metrics:
            raise ValueError(f"watch is {self.watch}, which is none of {', '.join(self.metrics)}")
        if unknown := sorted(set(self.curves) - set(self.metrics)):
            raise ValueError(f"curves has {unknown[0]}, which is none of {', '.join(self.metrics)}")
        missing = {"smoke", "tiny", "full"} - set(self.presets)
        if missing:
            raise ValueError(f"presets needs {', '.join(sorted(missing))}")
        if not self.targets:
            raise ValueError("targets needs one at least")
        if self.data_kind is not None and not self.own_gates:
            raise ValueError("data_kind needs own_gates, which hold whatever the data is")
        if self.other_data_kinds and self.data_kind is None:
            raise ValueError("other_data_kinds needs data_kind, the kind that is told first")
        if taken := {"training", "model", "base_model"} & set(self.bases):
            raise ValueError(f"bases has {taken.pop()}, which is a channel of every job")
        if self.tuning is not None:
            self._has_objective(self.tuning.objective)
        return self

    def _has_objective(self, name: str) -> None:
        known = {**self.metrics, **self.gates}
        if name not in known:
            raise ValueError(f"tuning.objective is {name}, which is none of {', '.join(known)}")
        gate = self.gates.get(name)
        if name not in self.metrics and gate and None not in (gate.least, gate.most):
            raise ValueError(f"tuning.objective is {name}, whose gate does not say what is better")


def names(*, with_base_model: bool = True) -> list[str]:
    """Return the names of all recipes, or of those alone that tune no base model."""
    found = sorted(path.parent.name for path in FOLDER.glob(f"*/{FILE}"))
    return [name for name in found if with_base_model or load(name).base_model is None]


@cache
def load(name: str) -> Recipe:
    """Return the recipe called `name`, with every preset validated; it is read once.

    Raises:
        BadRecipe: there is none, or a field of it is wrong; the message names the field.
    """
    if name not in names():
        raise BadRecipe(f"There is no recipe {name!r}; there are {', '.join(names())}.")
    recipe = read(FOLDER / name / FILE)
    if recipe.name != name:
        raise BadRecipe(f"{FOLDER / name / FILE}: name: is {recipe.name!r} in the folder {name!r}.")
    for preset in recipe.presets:
        resolve(recipe, preset)
        for settings in recipe.variants.values():
            resolve(recipe, preset, settings)
        _require_valid_ranges(recipe, preset)
    return recipe


def read(file: Path) -> Recipe:
    """Return the recipe in a file. Raises BadRecipe, naming the field."""
    try:
        written = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise BadRecipe(f"{file} cannot be read: {error}") from error
    try:
        return Recipe.model_validate(written)
    except ValidationError as error:
        raise BadRecipe(describe_errors(str(file), error, Recipe)) from error


def resolve(
    recipe: Recipe, preset: PresetName, overrides: Mapping[str, Any] | None = None
) -> RecipeSettings:
    """Return a preset's settings with `overrides` over them.

    Raises:
        BadRecipe: there is no such preset, or a field is unknown or out of its bounds.
    """
    if preset not in recipe.presets:
        raise BadRecipe(
            f"{recipe.name} has no preset {preset!r}; it has {', '.join(recipe.presets)}."
        )
    kind = parameters_of(recipe.name)
    given = {**recipe.parameters, **recipe.presets[preset], **(overrides or {})}
    try:
        settings = kind.model_validate(given)
    except ValidationError as error:
        raise BadRecipe(describe_errors(f"{recipe.name}, preset {preset}", error, kind)) from error
    if settings.sharded and not recipe.shardable:
        able = ", ".join(name for name in names() if load(name).shardable)
        raise BadRecipe(
            f"sharded: the network of {recipe.name} is held whole by each process; leave it out. "
            f"These can be shared: {able}."
        )
    return settings


def _require_valid_ranges(recipe: Recipe, preset: PresetName) -> None:
    """Raise BadRecipe if a value in a tuning range is invalid for its setting."""
    for name, each in (recipe.tuning.ranges if recipe.tuning else {}).items():
        values = each.values if isinstance(each, ValueChoices) else (each.least, each.most)
        for value in values:
            try:
                resolve(recipe, preset, {name: value})
            except BadRecipe as error:
                raise BadRecipe(f"tuning.ranges.{name}: {error}") from error


def parameters_of(name: str) -> type[RecipeSettings]:
    """Return the Parameters of a recipe."""
    found: type[RecipeSettings] = importlib.import_module(
        f"models.recipes.{name}.parameters"
    ).Parameters
    return found


def describe_errors(where: str, error: ValidationError, kind: type[BaseModel]) -> str:
    """Describe each wrong field, and list the known fields if one is unknown."""
    lines = []
    for each in error.errors():
        place = ".".join(str(part) for part in each["loc"]) or "the whole"
        if each["type"] == "extra_forbidden" and len(each["loc"]) == 1:
            lines.append(f"{place}: unknown; the fields are {', '.join(kind.model_fields)}")
            continue
        given = "" if each["type"] == "missing" else f" (given {each['input']!r:.80})"
        lines.append(f"{place}: {each['msg']}{given}")
    return f"{where}: " + "; ".join(lines)


def gates_of(
    recipe: Recipe, asked: Mapping[str, Bounds] | None = None, *, own_data: bool = False
) -> Mapping[str, Gate]:
    """Return the gates of a training: the recipe's for its data, and those that its user asked for.

    A gate that was asked for comes beside the recipe's own and can't loosen it. A recipe without
    gates for own data keeps those that it has: none would let any model pass.
    """
    found = dict((own_data and recipe.own_gates) or recipe.gates)
    for name, gate in (asked or {}).items():
        found[name] = stricter_gate(found.get(name, gate), gate)
    return found


_ENDS = ("_low", "_high")


def require_known_numbers(recipe: Recipe, asked: Iterable[str]) -> None:
    """Raise BadRecipe if a gate is asked for on a number that the recipe does not measure."""
    known = {*recipe.numbers, *recipe.served_numbers, *recipe.gates, *recipe.own_gates}
    bare = {_without_end(name) for name in known}
    for name in asked:
        if name in known or any(fnmatchcase(_without_end(name), each) for each in bare):
            continue
        close = difflib.get_close_matches(name, sorted(known), n=1)
        meant = f" Did you mean {close[0]}?" if close else ""
        raise BadRecipe(
            f"gate: {recipe.name} measures no {name}.{meant} Its numbers are "
            f"{', '.join(sorted(bare))}; where one has an interval, its ends are NAME_low and "
            "NAME_high."
        )


def _without_end(name: str) -> str:
    for end in _ENDS:
        name = name.removesuffix(end)
    return name
