"""The processes of custom models: a few at a time, the least recently used ends first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chalicelib.generation.catalogue import ModelFile
from localcloud.bedrock.llama import LlamaProcess
from localcloud.errors import AwsError

MAX_PROCESSES = 3
"""Each holds a model of some 300 MB in memory."""


@dataclass(frozen=True, slots=True)
class CustomProcess:
    """The process of a custom model, and the file that it answers by."""

    llama: LlamaProcess
    file: ModelFile


class CustomProcesses:
    """Custom models by their ids, of which `MAX_PROCESSES` run at most."""

    def __init__(
        self,
        logs: Path,
        sha256_of: Callable[[Path], str],
        launch: Callable[[Path, int, Path], LlamaProcess] = LlamaProcess,
    ) -> None:
        """Start none; `logs` is the folder of their logs.

        `launch` makes the process of a model's file, with its context and the path of its log.
        """
        self._launch = launch
        self._logs = logs
        self._sha256_of = sha256_of
        self._open: OrderedDict[str, CustomProcess] = OrderedDict()
        self._guard = threading.Lock()

    def open(self, model_id: str, path: Path, context: int) -> CustomProcess:
        """Return the process of a model, after ending the idle one that was used longest ago.

        Raises ThrottlingException if as many as may run are all answering.
        """
        with self._guard:
            if model_id not in self._open:
                self._make_room()
                llama = self._launch(path, context, self._logs / f"{model_id}.log")
                file = ModelFile(path.name, path.stat().st_size, self._sha256_of(path))
                self._open[model_id] = CustomProcess(llama, file)
            self._open.move_to_end(model_id)
            return self._open[model_id]

    def stop(self) -> None:
        """End all."""
        with self._guard:
            running = list(self._open.values())
            self._open.clear()
        for each in running:
            each.llama.stop()

    def _make_room(self) -> None:
        while len(self._open) >= MAX_PROCESSES:
            idle = next((name for name, each in self._open.items() if each.llama.is_idle), None)
            if idle is None:
                raise AwsError(
                    "ThrottlingException",
                    f"Too many requests: {MAX_PROCESSES} custom models are answering, and no more "
                    "run at a time here. Please wait before trying again.",
                    429,
                )
            self._open.pop(idle).llama.stop()
