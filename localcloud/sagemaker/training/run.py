"""One run of a training job: downloads its inputs, runs the program, uploads its results.

https://docs.aws.amazon.com/sagemaker/latest/dg/how-it-works-training.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.lambdas.process import ProcessCommand
from localcloud.sagemaker.jobs.program import (
    SCRIPT,
    UPLOAD_INTERVAL_S,
    JobContext,
    Program,
    ProgramExit,
    ProgramLimits,
    ProgramSettings,
)
from localcloud.sagemaker.jobs.runner import StopReason, StopSignal
from localcloud.sagemaker.jobs.s3_transfer import S3Transfer, TransferError
from localcloud.sagemaker.training.folders import TrainingFolders


class MetricReader:
    """Reads metrics from a job's output by the patterns of its definitions. Thread-safe."""

    def __init__(self, definitions: Sequence[Mapping[str, str]], clock: Clock) -> None:
        """Read by MetricDefinitions; `clock` gives the time of a value."""
        self._patterns = {each["Name"]: re.compile(each["Regex"]) for each in definitions}
        self._clock = clock
        self._values: dict[str, tuple[float, float]] = {}
        self._guard = threading.Lock()

    def read(self, line: str) -> None:
        """Read a line. A match that is not a finite number is ignored."""
        for name, pattern in self._patterns.items():
            matches = [match.group(1) for match in pattern.finditer(line) if match.groups()]
            if matches and (value := _finite_number(matches[-1])) is not None:
                with self._guard:
                    self._values[name] = (value, self._clock())

    def last_values(self) -> dict[str, list[float]]:
        """Return the last value of each metric, with its time in epoch seconds."""
        with self._guard:
            return {name: list(value) for name, value in self._values.items()}


def _finite_number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


class TrainingRun:
    """One run of a training job in the caller's thread. `signal` may stop it from any other."""

    def __init__(
        self,
        request: Mapping[str, Any],
        folders: TrainingFolders,
        context: JobContext,
        settings: ProgramSettings,
        signal: StopSignal,
    ) -> None:
        """Take a CreateTrainingJob request; nothing happens yet."""
        self._request = request
        self._folders = folders
        self._context = context
        self._settings = settings
        self._transfer = S3Transfer(context.s3_client(request["RoleArn"]))
        self._signal = signal

    @property
    def stop_reason(self) -> StopReason:
        """The reason for which a stop was requested, or an empty string."""
        return self._signal.reason

    def download(self) -> None:
        """Create the folders and download code, channels and checkpoints. Raises TransferError."""
        self._folders.create(self._request)
        hyperparameters = self._request["HyperParameters"]
        self._transfer.download_archive(
            hyperparameters["sagemaker_submit_directory"].strip('"'), self._folders.code
        )
        for channel in self._request.get("InputDataConfig", ()):
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            folder = self._folders.channel(channel["ChannelName"])
            if not self._transfer.download(uri, folder):
                raise TransferError(f"No S3 objects found under {uri}.")
        if self._checkpoint_uri:
            self._transfer.download(self._checkpoint_uri, self._folders.checkpoints)

    def train(self, metrics: MetricReader, write_line: Callable[[str], None]) -> ProgramExit:
        """Run the program to its end. Raises OSError if it can't start, and TransferError."""

        def on_line(line: str) -> None:
            metrics.read(line)
            write_line(line)

        limits = ProgramLimits(
            self._request["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400),
            self._settings.grace_s,
            self._upload_checkpoints,
            UPLOAD_INTERVAL_S,
        )
        program = Program(self._context.spawner, limits, self._signal)
        exit_ = program.run(self._command(), on_line)
        self._upload_checkpoints()
        return exit_

    def upload(self) -> str | None:
        """Upload the program's outputs; return the URI of its model, or None if it wrote none."""
        name, config = self._request["TrainingJobName"], self._request["OutputDataConfig"]
        base = f"{config['S3OutputPath'].rstrip('/')}/{name}/output"
        scratch = self._folders.root / "packed.tar.gz"
        self._transfer.upload_archive(self._folders.output, f"{base}/output.tar.gz", scratch)
        model_uri = f"{base}/model.tar.gz"
        uploaded = self._transfer.upload_archive(self._folders.model, model_uri, scratch)
        return model_uri if uploaded else None

    @property
    def _checkpoint_uri(self) -> str:
        return str(self._request.get("CheckpointConfig", {}).get("S3Uri", ""))

    def _upload_checkpoints(self) -> None:
        if self._checkpoint_uri:
            scratch = self._folders.root / "sending"
            self._transfer.upload_changed(self._folders.checkpoints, self._checkpoint_uri, scratch)

    def _command(self) -> ProcessCommand:
        program = self._request["HyperParameters"]["sagemaker_program"].strip('"')
        environment = {
            **self._folders.environment(self._request),
            **self._context.credential_variables(self._request["RoleArn"]),
            **self._request.get("Environment", {}),
            "PYTHONPATH": str(self._folders.code),
            "SAGEMAKER_PROGRAM": program,
        }
        return ProcessCommand(self._settings.interpreter, environment, self._folders.code, SCRIPT)
