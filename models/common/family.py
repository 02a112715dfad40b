"""What a recipe's package gives: one `FAMILY` in its `family.py`.

    models/recipes/NAME/
      recipe.yaml     what is trained, its presets, targets, metrics and gates
      parameters.py   Parameters, the settings of its own                    (no torch)
      family.py       FAMILY, which puts together what follows
      network.py      the network
      loss.py         what is minimised
      evaluate.py     numbers and pictures by which it is judged
      export.py       the graphs that serve it
      CARD.md         what the trained model is, with a picture

Whoever adds a recipe writes these and nothing else: the loop, checkpoints, export, parity, gates
and cards are here already.
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

from models.common.artefacts import Trained
from models.common.devices import Device
from models.common.group import Group
from models.common.loop import Task
from models.common.recipe import Settings

P = TypeVar("P", bound=Settings)
D = TypeVar("D")

Constant = int | float | str | bool | tuple[float, ...] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Setup(Generic[P, D]):
    """All that a task is made of."""

    network: nn.Module
    data: D
    parameters: P
    device: Device
    group: Group


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Numbers for the gates, and pictures for the card: uint8, height x width or x 3.

    `scores` has one value for each held-out row, float64 of [n], by the name of the number whose
    mean it is: by them a model is compared with another that was judged on the same rows.
    """

    numbers: Mapping[str, float]
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    scores: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Graph:
    """One graph to be exported: a module with examples of its inputs.

    `varying` has, for each input, the sizes that may vary, by their axis. `examples` are traced,
    and `trial` has the same inputs in other sizes, by which the exported graph is held to the
    module. No output may be called `embedding`, which breaks the exporter.
    """

    module: nn.Module
    inputs: Sequence[str]
    outputs: Sequence[str]
    examples: Sequence[torch.Tensor]
    trial: Sequence[torch.Tensor]
    varying: Mapping[str, Mapping[int, str]]


@dataclass(frozen=True, slots=True)
class Family(Generic[P, D]):
    """A recipe's code. Chance in `network` comes from torch's global stream, which is seeded.

    `load` reads a channel and raises BadData; `task` is what the loop trains; `evaluate` judges a
    trained network on the CPU, by nothing that was trained with it; `graphs` and `constants` are
    what serves it. `begin` puts the weights of the recipe's bases, by their channels, into a new
    network: what `network` makes holds them too, frozen ones as well, so that judging and export
    need no base. `files` are what else serves it, such as a tokenizer, by name. `learned` are
    constants that training found, such as a temperature.
    """

    parameters: type[P]
    load: Callable[[Path], D]
    network: Callable[[P], nn.Module]
    task: Callable[[Setup[P, D]], Task]
    evaluate: Callable[[nn.Module, D, P], Evaluation]
    graphs: Callable[[nn.Module, P], Mapping[str, Graph]]
    constants: Callable[[P], Mapping[str, Constant]]
    begin: Callable[[nn.Module, Mapping[str, Trained]], None] | None = None
    files: Callable[[D, P], Mapping[str, bytes]] = lambda _data, _parameters: {}
    learned: Callable[[nn.Module], Mapping[str, Constant]] = lambda _network: {}


def family(name: str) -> Family[Any, Any]:
    """Return the code of a recipe that is known to be there."""
    found: Family[Any, Any] = importlib.import_module(f"models.recipes.{name}.family").FAMILY
    return found
