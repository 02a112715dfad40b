"""One run of a job: data in, the program, what it made out.

https://docs.aws.amazon.com/sagemaker/latest/dg/how-it-works-training.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.lambdas.process import ProcessCommand, ProcessSpawner
from localcloud.sagemaker.jobs.keeper import Stopping, Why
from localcloud.sagemaker.jobs.program import Ended, Limits, Program
from localcloud.sagemaker.training.folders import Folders
from localcloud.sagemaker.training.transfer import Lost, Transfer
from localcloud.sagemaker.training.watching import Meter

GRACE_S = 120.0
"""How long a program has between SIGTERM and SIGKILL."""

SYNC_S = 1.0
"""How often changed checkpoints are sent."""

SCRIPT = Path(__file__).with_name("training_main.py")


@dataclass(frozen=True, slots=True)
class Tools:
    """What runs have in common. `interpreter` has what programs import; `identity` gives the
    variables by which a program signs its calls as a role.
    """

    spawner: ProcessSpawner
    interpreter: Path
    s3_as: Callable[[str], Any]
    identity: Callable[[str], Mapping[str, str]]
    grace_s: float = GRACE_S


class Run:
    """One run of a job, in the caller's thread; any other may tell `stopping` to end it."""

    def __init__(
        self, asked: Mapping[str, Any], folders: Folders, tools: Tools, stopping: Stopping
    ) -> None:
        """Take a CreateTrainingJob request; nothing happens yet."""
        self._asked = asked
        self._folders = folders
        self._tools = tools
        self._transfer = Transfer(tools.s3_as(asked["RoleArn"]))
        self._stopping = stopping

    @property
    def stopped(self) -> Why:
        """Return why it was made to end, or nothing."""
        return self._stopping.why

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

        longest = self._asked["StoppingCondition"].get("MaxRuntimeInSeconds", 86_400)
        limits = Limits(longest, self._tools.grace_s, self._send_checkpoints, SYNC_S)
        ended = Program(self._tools.spawner, limits, self._stopping).run(self._command(), take)
        self._send_checkpoints()
        return ended

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

    def _command(self) -> ProcessCommand:
        program = self._asked["HyperParameters"]["sagemaker_program"].strip('"')
        environment = {
            **self._folders.variables(self._asked),
            **self._tools.identity(self._asked["RoleArn"]),
            **self._asked.get("Environment", {}),
            "PYTHONPATH": str(self._folders.code),
            "SAGEMAKER_PROGRAM": program,
        }
        return ProcessCommand(self._tools.interpreter, environment, self._folders.code, SCRIPT)
