"""The files of a training in the model folder, which the next job reads from its channel.

    weights.safetensors   the network's weights; of a tuned base model those that it learned
    training.json         the recipe, its settings, what it was trained on, the last measurements
    history.jsonl         the metrics of every step

SageMaker packs the folder as model.tar.gz; a channel has that file, or the folder as it is.
"""

from __future__ import annotations

import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from models.failures import BadData
from models.files import write_atomically, write_json
from models.training import recipe
from models.training.gates import Gate
from models.training.job import TRAINING, WEIGHTS
from models.training.metrics import HISTORY
from models.training.recipe import PresetName
from models.training.recipe_gates import gates_of

PACKED = "model.tar.gz"


class TrainingRecord(BaseModel):
    """The record of a training, `training.json`. `data`, `code` and `bases` are sha256s.

    `own_data` tells a user's data from the recipe's, and `asked_gates` are the user's own.
    `unapproved_bases` are the reasons for which it should not have begun from its bases, if it did
    all the same.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipe: str
    preset: PresetName
    settings: Mapping[str, Any]
    own_data: bool = False
    asked_gates: Mapping[str, Gate] = {}
    data: str
    code: str
    bases: Mapping[str, str] = {}
    unapproved_bases: tuple[str, ...] = ()
    torch: str
    device: str
    measured: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A training read from a folder: its record and its weights."""

    folder: Path
    training: TrainingRecord
    weights: Mapping[str, torch.Tensor]


def gates_of_training(training: TrainingRecord) -> Mapping[str, Gate]:
    """Return the gates of a training: for its data, and those that its user asked for."""
    found = recipe.load(training.recipe)
    return gates_of(found, training.asked_gates, own_data=training.own_data)


def write_training(
    folder: Path,
    training: TrainingRecord,
    weights: Mapping[str, torch.Tensor],
    history: Path,
) -> None:
    """Write the files of a training; `training.json` comes last and vouches for the rest."""
    # Copies: safetensors refuses two names of one tensor, such as tied weights.
    state = {
        name: each.detach().to("cpu", copy=True).contiguous() for name, each in weights.items()
    }
    write_atomically(folder / WEIGHTS, save(state))
    write_atomically(folder / HISTORY, history.read_bytes())
    write_json(folder / TRAINING, training.model_dump())


def read_training(channel: Path, scratch: Path) -> TrainedModel:
    """Read the files of a training; a packed one is unpacked into `scratch`.

    Raises:
        BadData: the channel has no whole training.
    """
    packed = channel / PACKED
    folder = _unpack(packed, scratch) if packed.is_file() else channel
    try:
        written = json.loads((folder / TRAINING).read_text(encoding="utf-8"))
        return TrainedModel(
            folder, TrainingRecord.model_validate(written), load_file(str(folder / WEIGHTS), "cpu")
        )
    except (OSError, ValueError, ValidationError, SafetensorError) as error:
        raise BadData(f"{channel} has no whole training: {error}") from error


def _unpack(packed: Path, scratch: Path) -> Path:
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        with tarfile.open(packed, "r:gz") as archive:
            archive.extractall(scratch, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadData(f"{packed} is no whole archive: {error}") from error
    return scratch
