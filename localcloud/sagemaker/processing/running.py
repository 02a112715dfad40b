"""One processing job: inputs from S3, the program, outputs to S3.

An image is not run: the entry point has to be Python, which is that of the training environment
here. Paths below /opt/ml that the entry point and its arguments name are moved with all else.
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.lambdas.process import ProcessCommand
from localcloud.sagemaker.jobs.keeper import Outcome, Stopping
from localcloud.sagemaker.jobs.program import Ended, Limits, Program
from localcloud.sagemaker.jobs.record import Job, Jobs
from localcloud.sagemaker.training.folders import HOST, plain_variables
from localcloud.sagemaker.training.running import SCRIPT, SYNC_S
from localcloud.sagemaker.training.service import Trainer
from localcloud.sagemaker.training.transfer import Lost, Transfer
from localcloud.sagemaker.workplace import Workplace

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
ML = "/opt/ml"
LONGEST_S = 86_400
"""How long a job may run that names no StoppingCondition, as on AWS."""
MAX_MESSAGE = 1024


@dataclass(frozen=True, slots=True)
class Processor:
    """Does processing jobs in folders below `folder`, by the trainer's Python."""

    jobs: Jobs
    workplace: Workplace
    trainer: Trainer
    folder: Path

    def do(self, job: Job, stopping: Stopping) -> Outcome | None:
        """Do a job, and return how it ends; None where the local cloud closes before."""
        root = self.folder / job.name
        run = _Run(job.asked, root, self.workplace, self.trainer)
        try:
            self.jobs.change("processing", job.name, started_at=self.jobs.now())
            run.download()
            ended = run.process(stopping, self._saying(job))
            if ended.why == "closing":
                return None
            self.jobs.change("processing", job.name, told={"message": run.message()})
            return self._outcome(run, ended)
        except Lost as error:
            return Outcome("Failed", f"ClientError: {error}")
        except OSError as error:
            return Outcome("Failed", f"InternalServerError: {error}")
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def _outcome(self, run: _Run, ended: Ended) -> Outcome:
        if ended.why == "too long":
            return Outcome("Stopped", "The job ran for longer than its MaxRuntimeInSeconds.")
        if ended.why:
            return Outcome("Stopped")
        if ended.code < 0:
            return Outcome(
                "Failed", f"AlgorithmError: The program was killed by signal {-ended.code}."
            )
        if ended.code:
            said = run.message() or "its log says why"
            return Outcome("Failed", f"AlgorithmError: {said}, exit code: {ended.code}")
        run.upload()
        return Outcome("Completed")

    def _saying(self, job: Job) -> Callable[[str], None]:
        stream = f"{job.name}/{HOST}-{uuid.uuid4().hex[:10]}"
        image = job.asked["AppSpecification"]["ImageUri"]

        def say(line: str) -> None:
            if line.strip():
                self.workplace.logs.write(LOG_GROUP, stream, line)

        say(f"The local cloud runs the program by the CPU of this machine, not in {image}.")
        return say


class _Run:
    """One job that goes on, with `root` in the place of /opt/ml."""

    def __init__(
        self, asked: Mapping[str, Any], root: Path, workplace: Workplace, trainer: Trainer
    ) -> None:
        self._asked = asked
        self._root = root
        self._workplace = workplace
        self._trainer = trainer
        self._transfer = Transfer(workplace.s3_as(asked["RoleArn"]))
        self._outputs = asked.get("ProcessingOutputConfig", {}).get("Outputs", ())

    def download(self) -> None:
        """Lay the folders and fill them. Raises Lost."""
        shutil.rmtree(self._root, ignore_errors=True)
        config = self._root / "config"
        for folder in (config, self._root / "output"):
            folder.mkdir(parents=True)
        for each in self._outputs:
            self._here(each["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        hosts = {"current_host": HOST, "hosts": [HOST]}
        for name, document in (("processingjobconfig", self._asked), ("resourceconfig", hosts)):
            (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
        for each in self._asked.get("ProcessingInputs", ()):
            given = each["S3Input"]
            if not self._transfer.fetch(given["S3Uri"], self._here(given["LocalPath"])):
                raise Lost(f"No S3 objects found under {given['S3Uri']}.")

    def process(self, stopping: Stopping, say: Callable[[str], None]) -> Ended:
        """Run the program to its end. Raises OSError where it cannot be started, and Lost."""
        longest = self._asked.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", LONGEST_S)
        limits = Limits(longest, self._trainer.grace_s, self._send_continuous, SYNC_S)
        ended = Program(self._workplace.spawner, limits, stopping).run(self._command(), say)
        self._send_continuous()
        return ended

    def upload(self) -> None:
        """Send the outputs that go at the end. Raises Lost."""
        for each in self._outputs:
            self._send(each["S3Output"])

    def message(self) -> str:
        """Return what the program left to be told of it."""
        path = self._root / "output" / "message"
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return text[:MAX_MESSAGE]

    def _send_continuous(self) -> None:
        for each in self._outputs:
            if each["S3Output"]["S3UploadMode"] == "Continuous":
                self._send(each["S3Output"])

    def _send(self, output: Mapping[str, str]) -> None:
        scratch = self._root / "sending"
        self._transfer.send_changed(self._here(output["LocalPath"]), output["S3Uri"], scratch)

    def _here(self, path: str) -> Path:
        return self._root / path.removeprefix(ML).lstrip("/")

    def _command(self) -> ProcessCommand:
        specification = self._asked["AppSpecification"]
        _, *program = specification["ContainerEntrypoint"]
        first, *arguments = [
            str(self._here(each)) if each.startswith(f"{ML}/") else each
            for each in (*program, *specification.get("ContainerArguments", ()))
        ]
        environment = {
            **plain_variables(self._root),
            **self._workplace.identity(self._asked["RoleArn"]),
            **self._asked.get("Environment", {}),
            "SAGEMAKER_PROGRAM": first,
            "SAGEMAKER_PROGRAM_ARGUMENTS": json.dumps(arguments),
        }
        return ProcessCommand(self._trainer.interpreter, environment, self._root, SCRIPT)
