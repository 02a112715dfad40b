"""One run of a job: data in, the program, what it made out.

https://docs.aws.amazon.com/sagemaker/latest/dg/how-it-works-training.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from localcloud.lambdas.process import Command, Spawner, WorkerProcess
from localcloud.sagemaker.training.folders import Folders
from localcloud.sagemaker.training.transfer import Lost, Transfer
from localcloud.sagemaker.training.watching import Cutter, Meter

GRACE_S = 120.0
"""How long a program has between SIGTERM and SIGKILL."""

SYNC_S = 1.0
"""How often changed checkpoints are sent."""

_LOOK_S = 0.05
_SCRIPT = Path(__file__).with_name("training_main.py")
Why = Literal["", "asked", "too long", "closing"]


@dataclass(frozen=True, slots=True)
class Tools:
    """What runs have in common. `interpreter` has what programs import; `identity` gives the
    variables by which a program signs its calls as a role.
    """

    spawner: Spawner
    interpreter: Path
    s3_as: Callable[[str], Any]
    identity: Callable[[str], Mapping[str, str]]
    grace_s: float = GRACE_S


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended: its exit code, and why it was made to, if it was."""

    code: int
    why: Why


class Run:
    """One run of a job, in a thread of its own. `stop` may come from any other."""

    def __init__(self, asked: Mapping[str, Any], folders: Folders, tools: Tools) -> None:
        """Take a CreateTrainingJob request; nothing happens yet."""
        self._asked = asked
        self._folders = folders
        self._tools = tools
        self._transfer = Transfer(tools.s3_as(asked["RoleArn"]))
        self._why: Why = ""
        self._ended = threading.Event()
        self._stopping = threading.Event()
        self._code = 0

    def stop(self, why: Why) -> None:
        """Make the program end, with SIGTERM first; at once where the local cloud closes."""
        self._why = why if why == "closing" else self._why or why
        self._stopping.set()

    @property
    def stopped(self) -> Why:
        """Return why it was made to end, or nothing."""
        return self._why

    def download(self) -> None:
        """Lay the folders and fill them. Raises Lost."""
        self._folders.lay(self._asked)
        hyperparameters = self._asked["HyperParameters"]
        self._transfer.unpack(
            hyperparameters["sagemaker_submit_directory"].strip('"'), self._folders.code
        )
        for channel in self._asked.get("InputDataConfig", ()):
            address = channel["DataSource"]["S3DataSource"]["S3Uri"]
            into = self._folders.channel(channel["ChannelName"])
            if not self._transfer.fetch(address, into):
                raise Lost(f"No S3 objects found under {address}.")
        if self._checkpoints:
            self._transfer.fetch(self._checkpoints, self._folders.checkpoints)

    def train(self, meter: Meter, say: Callable[[str], None]) -> Ended:
        """Run the program to its end. Raises OSError where it cannot be started, and Lost."""

        def take(line: str) -> None:
            meter.read(line)
            say(line)

        cutter = Cutter(take)
        process = WorkerProcess(self._tools.spawner.spawn(self._command()), cutter.feed, self._end)
        try:
            self._watch(process)
        finally:
            process.kill()
            self._ended.wait(2)
            cutter.end()
        self._send_checkpoints()
        return Ended(self._code, self._why)

    def upload(self) -> str | None:
        """Send what the program made, and return the address of its model, None for none."""
        name, prefix = self._asked["TrainingJobName"], self._asked["OutputDataConfig"]
        base = f"{prefix['S3OutputPath'].rstrip('/')}/{name}/output"
        scratch = self._folders.root / "packed.tar.gz"
        self._transfer.pack(self._folders.output, f"{base}/output.tar.gz", scratch)
        address = f"{base}/model.tar.gz"
        return address if self._transfer.pack(self._folders.model, address, scratch) else None

    @property
    def _checkpoints(self) -> str:
        return str(self._asked.get("CheckpointConfig", {}).get("S3Uri", ""))

    def _send_checkpoints(self) -> None:
        if self._checkpoints:
            scratch = self._folders.root / "sending"
            self._transfer.send_changed(self._folders.checkpoints, self._checkpoints, scratch)

    def _watch(self, process: WorkerProcess) -> None:
        longest = self._asked["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400)
        until = time.monotonic() + longest
        while not self._ended.is_set():
            if self._why == "closing":
                return
            if self._stopping.is_set():
                process.terminate()
                self._wait_for_end()
                return
            if time.monotonic() > until:
                self.stop("too long")
                continue
            self._send_checkpoints()
            _first_of(self._ended, self._stopping, min(SYNC_S, max(0.0, until - time.monotonic())))

    def _wait_for_end(self) -> None:
        until = time.monotonic() + self._tools.grace_s
        while time.monotonic() < until and self._why != "closing" and not self._ended.is_set():
            self._ended.wait(_LOOK_S)

    def _end(self, code: int) -> None:
        self._code = code
        self._ended.set()

    def _command(self) -> Command:
        program = self._asked["HyperParameters"]["sagemaker_program"].strip('"')
        environment = {
            **self._folders.variables(self._asked),
            **self._tools.identity(self._asked["RoleArn"]),
            **self._asked.get("Environment", {}),
            "PYTHONPATH": str(self._folders.code),
            "SAGEMAKER_PROGRAM": program,
        }
        return Command(self._tools.interpreter, environment, self._folders.code, _SCRIPT)


def _first_of(ended: threading.Event, stopping: threading.Event, seconds: float) -> None:
    """Wait for either event, for so many seconds at most."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not ended.is_set() and not stopping.is_set():
        ended.wait(_LOOK_S)
