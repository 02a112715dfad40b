"""Recipes: data, settings, presets, targets, metrics and gates of a model.

`models/recipes/NAME/recipe.yaml` holds one. `parameters.py` beside it has the settings as a model,
`Parameters`, so that a wrong field is found before a job is paid for. None of it needs torch.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.failures import BadRecipe
from models.training.gates import Gate
from models.training.ranges import TuningRanges, ValueChoices
from models.training.settings import RecipeSettings
from models.training.targets import TargetName

FOLDER = Path(__file__).parents[1] / "recipes"
FILE = "recipe.yaml"

PresetName = Literal["smoke", "tiny", "full"]
"""`smoke` takes seconds and proves that it runs; `tiny` takes minutes on a CPU and passes its
gates; `full` is what one would train on an accelerator."""


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


BaseKind = Literal[
    "decoder", "encoder", "encoder_decoder", "image_text", "image_text_to_text", "diffusion"
]
"""What a recipe can begin from: models that write, that read, that do both, that compare pictures
with words, that write about pictures, and that draw."""

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
    optional_bases: Mapping[Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,30}$")], str] = {}
    """Trained models that it needs if its settings name them, likewise; see `bases_of`."""
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
    known_misses: Mapping[str, str] = {}
    """The gates that `tiny` is known to miss, with the reason: they refuse the model all the same,
    and `models.train_all` tells it and does not fail."""
    shardable: bool = False
    """Whether its network can be shared by processes, by the setting `sharded`."""
    own_gates: Mapping[str, Gate] = {}
    """The gates on a user's own data: marks that hold for any data, such as a gain over the base
    whose interval lies above 0."""
    numbers: tuple[str, ...] = ()
    """Numbers of the evaluation beside those of the gates; `f1_*` stands for one for each class of
    the data."""
    intervals: tuple[str, ...] = ()
    """Numbers that have an interval, whose ends are NAME_low and NAME_high."""
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

    def bases_of(self, settings: RecipeSettings) -> Mapping[str, str]:
        """Return the recipes of the models that a training needs, by their channels."""
        named = settings.named_bases
        optional = {name: each for name, each in self.optional_bases.items() if name in named}
        return {**self.bases, **optional}

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
        if taken := {"training", "model", "base_model"} & {*self.bases, *self.optional_bases}:
            raise ValueError(f"bases has {taken.pop()}, which is a channel of every job")
        if self.tuning is not None:
            self._has_objective(self.tuning.objective)
        return self

    @model_validator(mode="after")
    def _misses_gates_that_it_has(self) -> Recipe:
        if unknown := sorted(set(self.known_misses) - set(self.gates)):
            raise ValueError(f"known_misses has {unknown[0]}, which is none of the gates")
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
    """Describe each wrong field, and list the known fields if one is unknown.

    A list whose items are wrong is not also told to be too short, as pydantic counts right ones.
    """
    lines = []
    problems = error.errors()
    inside = {each["loc"][:end] for each in problems for end in range(len(each["loc"]))}
    for each in problems:
        if each["type"] == "too_short" and each["loc"] in inside:
            continue
        place = ".".join(str(part) for part in each["loc"]) or "the whole"
        if each["type"] == "extra_forbidden" and len(each["loc"]) == 1:
            lines.append(f"{place}: unknown; the fields are {', '.join(kind.model_fields)}")
            continue
        given = "" if each["type"] == "missing" else f" (given {each['input']!r:.80})"
        message = _json_problem(each["input"]) if each["type"] in _OF_JSON else ""
        lines.append(f"{place}: {message or each['msg']}{given}")
    return f"{where}: " + "; ".join(lines)


_OF_JSON = ("tuple_type", "list_type", "dict_type")


def _json_problem(given: object) -> str:
    """Say why a text, in the place of a list or an object, is no JSON; nothing if it is."""
    try:
        json.loads(given if isinstance(given, str) else "{}")
    except ValueError as error:
        return f"is no JSON: {error}"
    return ""
