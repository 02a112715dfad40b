"""The code of a recipe: one `CODE` in the `recipe.py` of its folder.

    models/recipes/NAME/
      recipe.yaml     what is trained, its presets, targets, metrics and gates
      parameters.py   Parameters, the settings of its own (no torch)
      network.py      the network and its loss, where the recipe has a network of its own
      recipe.py       CODE: the training task, the evaluation and the graphs that serve it
      CARD.md         what the trained model is, with a picture

A new recipe needs these and nothing else: the loop, checkpoints, export, parity, gates and cards
are shared.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.bases.folder import BaseModel
from models.failures import BadJob
from models.training.artefacts import TrainedModel
from models.training.devices import Device
from models.training.loop import TrainingTask
from models.training.process_group import ProcessGroup
from models.training.settings import RecipeSettings

P = TypeVar("P", bound=RecipeSettings)
D = TypeVar("D")

Constant = int | float | str | bool | tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaskSetup(Generic[P, D]):
    """The inputs of a training task."""

    network: nn.Module
    data: D
    parameters: P
    device: Device
    group: ProcessGroup


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Metrics for the gates, and pictures for the card: uint8, height x width or x 3.

    `scores` has one value for each held-out row, or group of rows, float64 of [n], by the name of
    the number whose mean it is: by them a model is compared with another that was judged on the
    same rows. `judge` is the fingerprint of a fitted judge, if one made the numbers: scores of two
    judges differ.
    `files` are kept beside the metrics, by name, such as the projection of held-out vectors.
    `unknown` says by name why a metric cannot be told, such as a gap of too small a group.
    """

    numbers: Mapping[str, float]
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    judge: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph to export: a module with examples of its inputs.

    `varying` has, for each input, the sizes that may vary, by their axis. `examples` are traced,
    and `trial` has the same inputs in other sizes, by which the exported graph is held to the
    module. No output may be called `embedding`, which breaks the exporter. `most` is the greatest
    that a size which varies may be, by its name; 4,096 unless given. `optional` are the last
    inputs, which are empty where they are left out, and `weight_bits` are those of the weights of
    matrix products in the file. With `relative`, outputs may differ from the module's by a share of
    their greatest value, as those of a deep network do, and not by so much.
    """

    module: nn.Module
    inputs: Sequence[str]
    outputs: Sequence[str]
    examples: Sequence[torch.Tensor]
    trial: Sequence[torch.Tensor]
    varying: Mapping[str, Mapping[int, str]]
    most: Mapping[str, int] = field(default_factory=dict)
    optional: Sequence[str] = ()
    weight_bits: int = 32
    relative: bool = False


def _no_network(_parameters: Any) -> nn.Module:
    raise BadJob("The recipe tunes a base model, and its network is built of that alone.")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeCode(Generic[P, D]):
    """The functions of a recipe. `network` draws weights from torch's seeded global stream.

    `load` reads a channel and raises BadData; `task` is what the loop trains; `evaluate` judges a
    trained network on the CPU, by nothing that was trained with it; `graphs` and `constants` are
    what serves it. `begin` puts the weights of the recipe's bases, by their channels, into a new
    network: what `network` makes holds them too, frozen ones as well, so that judging and export
    need no base. `files` are what else serves it, such as a tokenizer, by name. `learned` are
    constants that training found, such as a temperature. `validation` makes a channel of a
    channel's training rows alone: trials of a tuning are trained and judged on it, so that no
    setting is chosen by the rows of the test. A recipe that can be tuned has one. `duel` compares
    what a network and the champion make of held-out rows, and returns metrics; unlike scores, it
    needs no champion that was judged on the same data. `build` makes the network of a recipe with a
    `base_model` out of that, in place of `network`: what it learns requires gradients from the
    start, and nothing else is kept of it. `network_of` makes one whose sizes are also those of the
    data, such as its classes, in place of `network`. `network_files` are files that serve it and
    come with the network, such as the tokenizer of its base. `measured` are numbers of the exported
    graphs in a folder, beside those of the evaluation. `check` reads a channel's rows as the
    training will, by the base's tokenizer and config alone, so that what does not fit is told
    before anything is uploaded; it returns what a user should know, such as how many texts are cut.
    It raises BadData. `attach` gives a network the optional bases that its settings name, in both
    jobs; they are no part of it.
    """

    parameters: type[P]
    load: Callable[[Path], D]
    network: Callable[[P], nn.Module] = _no_network
    network_of: Callable[[P, D], nn.Module] | None = None
    task: Callable[[TaskSetup[P, D]], TrainingTask]
    evaluate: Callable[[nn.Module, D, P], Evaluation]
    graphs: Callable[[nn.Module, P], Mapping[str, Graph]]
    constants: Callable[[P], Mapping[str, Constant]]
    begin: Callable[[nn.Module, Mapping[str, TrainedModel]], None] | None = None
    files: Callable[[D, P], Mapping[str, bytes]] = lambda _data, _parameters: {}
    learned: Callable[[nn.Module], Mapping[str, Constant]] = lambda _network: {}
    validation: Callable[[D], D] | None = None
    duel: Callable[[nn.Module, TrainedModel, D, P], Mapping[str, float]] | None = None
    build: Callable[[P, D, BaseModel], nn.Module] | None = None
    network_files: Callable[[nn.Module], Mapping[str, bytes]] = lambda _network: {}
    measured: Callable[[Path, nn.Module, D, P], Mapping[str, float]] = lambda *_: {}
    check: Callable[[P, D, BaseModel], Sequence[str]] = lambda *_: ()
    attach: Callable[[nn.Module, Mapping[str, TrainedModel]], None] | None = None


def make_network(
    code: RecipeCode[P, D], parameters: P, data: D, base: BaseModel | None
) -> nn.Module:
    """Return the network of a recipe, built of its base model if it has one.

    Raises:
        BadData: the base has another architecture or tokenizer than the recipe can tune.
    """
    if code.build is not None and base is not None:
        return code.build(parameters, data, base)
    if code.network_of is not None:
        return code.network_of(parameters, data)
    return code.network(parameters)


def recipe_code(name: str) -> RecipeCode[Any, Any]:
    """Import the code of an existing recipe."""
    found: RecipeCode[Any, Any] = importlib.import_module(f"models.recipes.{name}.recipe").CODE
    return found
