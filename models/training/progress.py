"""The progress of a running training, as a file that can be read while it runs.

SageMaker copies the checkpoint folder to S3 during a training, so the file is there too.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from chalicelib.contracts.model_card import ProgressState, TrainingProgress
from models.failures import DiskFull, Diverged, Interrupted
from models.files import write_atomically
from models.training.curves import CurveSampler

EVERY_S = 5.0
"""Seconds between two writes: each is a version of an object in S3, of up to some 50 kB."""
_MAX_MESSAGE = 1000


def _utcnow() -> datetime:
    return datetime.now(UTC)


class ProgressFile:
    """Writes the progress of a training: every few seconds, and why it ended at its block's end."""

    def __init__(
        self,
        path: Path,
        steps: int,
        *,
        keep: bool,
        monotonic: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = _utcnow,
    ) -> None:
        """Write to `path` if `keep`, of a training of `steps` steps; else another process does."""
        self._path, self._steps, self._keep = path, steps, keep
        self._monotonic, self._utcnow = monotonic, utcnow
        self._sampler = CurveSampler()
        self._step = 0
        self._written: float | None = None

    def resume(self, history: Mapping[int, Mapping[str, float]]) -> None:
        """Take over the steps of an interrupted training."""
        for step in sorted(history):
            self._note(step, history[step])

    def add(self, step: int, measured: Mapping[str, float]) -> None:
        """Add a step, and write if the last time was long enough ago. Raises DiskFull."""
        self._note(step, measured)
        now = self._monotonic()
        if self._written is None or now - self._written >= EVERY_S:
            self._write("running")
            self._written = now

    def __enter__(self) -> ProgressFile:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._write("completed")
            return
        state: ProgressState = "failed"
        if isinstance(error, Diverged):
            state = "diverged"
        elif isinstance(error, Interrupted):
            state = "interrupted"
        with suppress(DiskFull):  # The error that ends the training is the one to be told.
            self._write(state, str(error) or type(error).__name__)

    def _note(self, step: int, measured: Mapping[str, float]) -> None:
        self._step = step
        self._sampler.add(step, measured)

    def _write(self, state: ProgressState, message: str = "") -> None:
        if not self._keep:
            return
        progress = TrainingProgress(
            state=state,
            step=self._step,
            steps=self._steps,
            message=message[:_MAX_MESSAGE],
            updated_at=self._utcnow(),
            curves=self._sampler.curves(),
        )
        write_atomically(self._path, progress.model_dump_json().encode())
