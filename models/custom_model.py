"""The local cloud's training of a custom model of Bedrock: LoRA on the local model, as GGUF.

    python -m models.custom_model FOLDER

    FOLDER/conversations.jsonl, settings.json   what Bedrock was asked for
    FOLDER/losses.json, model.gguf              what is left: the loss of each step, and the model

A hundredth of the parameters learn at a hundred times the rate: Bedrock's learning rates are for
models of billions of parameters, and the local one has 135 million.
"""

from __future__ import annotations

import json
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import models.train
from models.bases.folder import CHANNEL, read_base
from models.failures import BadData, TrainingFailure
from models.files import write_atomically
from models.gguf_file import write_gguf
from models.jobs.finish import restore_network
from models.merged_model import merged_decoder
from models.networks.tuned_decoder import TunedDecoder
from models.pull.shipped_bases import shipped_base
from models.rehearse import lay_out_job
from models.training import artefacts, job
from models.training.job import TRAINING_CHANNEL
from models.training.metrics import HISTORY, read_history
from models.training.recipe_code import recipe_code
from models.training_data.channel import DataPart, DataSource, write_channel
from models.training_data.rows import ChatExample

BASE = "smollm2-135m-instruct"
RECIPE = "instruction_tuning"
_RATE_FACTOR = 100
_BATCH = 8


def train_custom_model(folder: Path) -> None:
    """Train by the folder's settings on its conversations, and write losses and model.

    Raises:
        TrainingFailure: the training failed; the message says why.
    """
    settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))
    lines = (folder / "conversations.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [ChatExample.model_validate_json(line) for line in lines]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        root = Path(scratch) / "job"
        channels = {TRAINING_CHANNEL: Path(scratch) / "data", CHANNEL: shipped_base(BASE)}
        source = DataSource(source="a customisation job", licence="the account's own")
        # A channel has held-out rows; Bedrock is sent none, and nothing here is judged by them.
        parts: dict[DataPart, list[ChatExample]] = {"train": rows, "test": rows[:1]}
        write_channel(channels[TRAINING_CHANNEL], "chat", parts, source)
        lay_out_job(root, job_settings(settings, len(rows)), channels)
        if models.train.main({**os.environ, job.ROOT: str(root)}):
            failure = root / "output" / "failure"
            said = failure.read_text(encoding="utf-8") if failure.is_file() else "It was stopped."
            raise BadData(said)
        _write_model(root, channels, folder)


def job_settings(settings: dict[str, str], rows: int) -> dict[str, Any]:
    """Return the hyperparameters of the recipe for Bedrock's settings and a number of rows."""
    batch = min(_BATCH, rows)
    steps = math.ceil(rows / batch) * int(settings["epochCount"])
    return {
        "task": "train",
        "recipe": RECIPE,
        "preset": "tiny",
        "way": "lora",
        "steps": steps,
        "batch": batch,
        "learning_rate": float(settings["learningRate"]) * _RATE_FACTOR,
        "warmup": min(int(settings["learningRateWarmupSteps"]), steps // 2),
        "checkpoint_every": steps,
    }


def _write_model(root: Path, channels: dict[str, Path], folder: Path) -> None:
    trained = artefacts.read_training(root / "model", root / "unpacked")
    history = read_history(root / "model" / HISTORY)
    losses = [history[step]["loss"] for step in sorted(history)]
    data = recipe_code(RECIPE).load(channels[TRAINING_CHANNEL])
    _, network = restore_network(trained, data, read_base(channels[CHANNEL]))
    assert isinstance(network, TunedDecoder)
    write_gguf(network.base, merged_decoder(network).state_dict(), folder / "model.gguf")
    write_atomically(folder / "losses.json", json.dumps(losses).encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Train; return 1, with the reason as the last line of standard error, if that failed."""
    (folder,) = arguments if arguments is not None else sys.argv[1:]
    try:
        train_custom_model(Path(folder))
    except TrainingFailure as error:
        print(error, file=sys.stderr)  # noqa: T201 - the local cloud reads it
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
