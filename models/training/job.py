"""The contract of a training job: its input and output folders, and SIGTERM.

Under SageMaker the root is /opt/ml; `HEADRACE_ML_ROOT` moves it, and with it every folder, for a
job on a laptop. The variables of SageMaker's training toolkit (SM_*) override single folders.

    input/config/hyperparameters.json    the hyperparameters: text by name
    input/config/inputdataconfig.json    the channels
    input/config/resourceconfig.json     the hosts, and the name of this one
    input/data/CHANNEL/                  the data
    checkpoints/                         checkpoints, synchronised with S3
    model/                               the files of the model
    output/data/                         other output
    output/failure                       the reason of a failure, at most 1,024 characters

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo.html
https://docs.aws.amazon.com/sagemaker/latest/dg/amazon-sagemaker-toolkits.html
"""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from models.failures import BadData, BadJob, BadRecipe

ROOT = "HEADRACE_ML_ROOT"
DEFAULT_ROOT = "/opt/ml"
MAX_FAILURE = 1024
TRAINING_CHANNEL, MODEL_CHANNEL, CHAMPION_CHANNEL = "training", "model", "champion"
"""The data; what was trained, and the model that is approved now, of the job that finishes."""
WEIGHTS, TRAINING = "weights.safetensors", "training.json"
EVALUATION, CARD, JUDGE = "evaluation.json", "CARD.md", "judge.json"
REFUSED = "refused"
"""The folder of a job's output with the card of a model below its gates."""
"""Files of the model folder: what a training leaves, and what judging and export add."""
UNAPPROVED_BASES = "unapproved_bases"
"""The hyperparameter that lets a training begin from models that should not found others: why."""
OWN_DATA, ASKED_GATES = "own_data", "asked_gates"
"""Hyperparameters that say that the data is the user's own, and which gates the user asked for
beside the recipe's: `least` and `most` by the number's name."""
JOB_FIELDS = ("task", "recipe", "preset", UNAPPROVED_BASES, OWN_DATA, ASKED_GATES)
"""The hyperparameters that are no settings of a recipe."""
_TOOLKIT = ("sagemaker_", "_tuning_")
"""Hyperparameters that begin so are for the container, or are told by a tuning, and not for the
script."""


@dataclass(frozen=True, slots=True)
class TrainingJob:
    """The inputs and folders of a job. `hyperparameters` are decoded."""

    hyperparameters: Mapping[str, Any]
    channels: Mapping[str, Path]
    checkpoints: Path
    model: Path
    output: Path
    failure: Path
    hosts: tuple[str, ...] = ("algo-1",)
    host: str = "algo-1"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> TrainingJob:
        """Read the job from environment variables and configuration files.

        Raises:
            BadJob: a file or a variable is no JSON, or not of the shape that it has to have.
        """
        root = Path(environ.get(ROOT, DEFAULT_ROOT))
        config = root / "input" / "config"
        asked = _read_object(environ.get("SM_HPS"), "SM_HPS", config / "hyperparameters.json")
        resources = _read_object(None, "", config / "resourceconfig.json")
        return cls(
            hyperparameters=decode_hyperparameters(asked),
            channels=_channels(environ, root, config / "inputdataconfig.json"),
            checkpoints=root / "checkpoints",
            model=Path(environ.get("SM_MODEL_DIR", root / "model")),
            output=Path(environ.get("SM_OUTPUT_DATA_DIR", root / "output" / "data")),
            failure=root / "output" / "failure",
            hosts=tuple(resources.get("hosts", ("algo-1",))),
            host=str(resources.get("current_host", "algo-1")),
        )

    def channel(self, name: str) -> Path:
        """Return the folder of a channel. Raises BadData if it is missing or empty."""
        folder = self.channels.get(name)
        if folder is None:
            has = ", ".join(sorted(self.channels)) or "none"
            raise BadData(f"The job has no channel {name!r} (it has {has}); give it one.")
        if not folder.is_dir() or not any(folder.iterdir()):
            raise BadData(f"The channel {name!r} is empty: {folder} has no files.")
        return folder

    def fail(self, reason: str) -> None:
        """Write the reason of a failure where SageMaker reads it."""
        self.failure.parent.mkdir(parents=True, exist_ok=True)
        self.failure.write_text(reason[:MAX_FAILURE], encoding="utf-8")


def decode_hyperparameters(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return hyperparameters decoded from JSON, without those of the toolkit.

    SageMaker carries text alone. `3`, `0.1`, `true` and `"vae"` are read as JSON, and what is none
    stays the text that it is.
    """
    return {name: _decode(value) for name, value in asked.items() if not name.startswith(_TOOLKIT)}


def parse_settings(given: Iterable[str]) -> dict[str, Any]:
    """Parse NAME=VALUE texts of a command line. Raises BadRecipe."""
    texts = list(given)
    wrong = [text for text in texts if not text.partition("=")[0] or "=" not in text]
    if wrong:
        raise BadRecipe(f"{wrong[0]!r} is no setting; write NAME=VALUE.")
    return decode_hyperparameters(dict(text.split("=", 1) for text in texts))


def _decode(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _read_object(text: str | None, variable: str, file: Path) -> dict[str, Any]:
    """Return the JSON object of a variable, or else of a file, or else an empty one."""
    where = variable if text is not None else str(file)
    if text is None:
        text = file.read_text(encoding="utf-8") if file.is_file() else "{}"
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadJob(f"{where} is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise BadJob(f"{where} has to be a JSON object, and is {type(found).__name__}.")
    return found


def _channels(environ: Mapping[str, str], root: Path, config: Path) -> dict[str, Path]:
    data = root / "input" / "data"
    named = _read_object(environ.get("SM_INPUT_DATA_CONFIG"), "SM_INPUT_DATA_CONFIG", config)
    there = {path.name: path for path in sorted(data.iterdir())} if data.is_dir() else {}
    folders = there | {name: data / name for name in named}
    for variable, value in environ.items():
        if variable.startswith("SM_CHANNEL_"):
            folders[variable.removeprefix("SM_CHANNEL_").lower()] = Path(value)
    return folders


EXIT_CODE = 128 + signal.SIGTERM
"""143: what a process ends with that SIGTERM ended."""


STOP_FILE = "HEADRACE_STOP_FILE"
"""Names a file whose existence means what SIGTERM does, for the processes of one host: torchrun
itself would kill them 30 seconds after a signal, whatever they still write."""


class TerminationSignal:
    """Tells whether SIGTERM came. As a context manager it installs its signal handler.

    SageMaker sends SIGTERM 120 seconds before it kills, and spot capacity before it goes.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
    """

    def __init__(self, file: Path | None = None) -> None:
        """Begin without a signal; it is also given by making `file`."""
        self._came = False
        self._file = file
        self._before: Any = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> TerminationSignal:
        """Return the signal of a process with these variables."""
        named = environ.get(STOP_FILE)
        return cls(Path(named) if named else None)

    @property
    def asked(self) -> bool:
        """Return whether the process is to stop."""
        return self._came or (self._file is not None and self._file.exists())

    def __enter__(self) -> TerminationSignal:
        self._before = signal.signal(signal.SIGTERM, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGTERM, self._before)

    def ask(self) -> None:
        """Ask the process to stop, and the others of its host."""
        self._came = True
        if self._file is not None:
            self._file.touch()

    def _take(self, _signal: int, _frame: FrameType | None) -> None:
        self.ask()
