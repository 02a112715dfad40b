"""Runs a processing job: downloads its inputs, runs the program, uploads its outputs.

An image is not run: the entry point has to be Python, which is that of the training environment
here. Paths below /opt/ml in the entry point and its arguments are mapped to the job's folder.
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
from localcloud.sagemaker.cloudwatch import ContainerLogStream
from localcloud.sagemaker.jobs.program import (
    HOST,
    SCRIPT,
    UPLOAD_INTERVAL_S,
    JobContext,
    Program,
    ProgramExit,
    ProgramLimits,
    ProgramSettings,
    base_environment,
)
from localcloud.sagemaker.jobs.runner import JobOutcome, StopSignal
from localcloud.sagemaker.jobs.s3_transfer import S3Transfer, TransferError
from localcloud.sagemaker.jobs.store import JobStore, SageMakerJob

LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
ML_ROOT = "/opt/ml"
DEFAULT_MAX_RUNTIME_S = 86_400
"""The time limit of a job without a StoppingCondition, as on AWS."""
MAX_MESSAGE_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class ProcessingRunner:
    """Runs processing jobs in folders below `folder`."""

    jobs: JobStore
    context: JobContext
    settings: ProgramSettings
    folder: Path

    def run(self, job: SageMakerJob, signal: StopSignal) -> JobOutcome | None:
        """Run a job and return its outcome, or None if the local cloud stops first."""
        root = self.folder / job.name
        run = ProcessingRun(job.request, root, self.context, self.settings)
        try:
            self.jobs.update("processing", job.name, started_at=self.jobs.now())
            run.download()
            exit_ = run.execute(signal, self._open_log(job).write)
            if exit_.stop_reason == "closing":
                return None
            self.jobs.update("processing", job.name, state={"message": run.message()})
            return self._outcome(run, exit_)
        except TransferError as error:
            return JobOutcome("Failed", f"ClientError: {error}")
        except OSError as error:
            return JobOutcome("Failed", f"InternalServerError: {error}")
        finally:
            shutil.rmtree(root, ignore_errors=True)

    def _outcome(self, run: ProcessingRun, exit_: ProgramExit) -> JobOutcome:
        if exit_.stop_reason == "too long":
            return JobOutcome("Stopped", "The job ran for longer than its MaxRuntimeInSeconds.")
        if exit_.stop_reason:
            return JobOutcome("Stopped")
        if exit_.code < 0:
            return JobOutcome(
                "Failed", f"AlgorithmError: The program was killed by signal {-exit_.code}."
            )
        if exit_.code:
            message = run.message() or "its log says why"
            return JobOutcome("Failed", f"AlgorithmError: {message}, exit code: {exit_.code}")
        run.upload()
        return JobOutcome("Completed")

    def _open_log(self, job: SageMakerJob) -> ContainerLogStream:
        stream = f"{job.name}/{HOST}-{uuid.uuid4().hex[:10]}"
        image = job.request["AppSpecification"]["ImageUri"]
        log = ContainerLogStream(self.context.logs, LOG_GROUP, stream)
        log.write(f"The local cloud runs the program by the CPU of this machine, not in {image}.")
        return log


class ProcessingRun:
    """One run of a processing job, with `root` in place of /opt/ml."""

    def __init__(
        self,
        request: Mapping[str, Any],
        root: Path,
        context: JobContext,
        settings: ProgramSettings,
    ) -> None:
        """Take a CreateProcessingJob request; nothing happens yet."""
        self._request = request
        self._root = root
        self._context = context
        self._settings = settings
        self._transfer = S3Transfer(context.s3_client(request["RoleArn"]))
        self._outputs = request.get("ProcessingOutputConfig", {}).get("Outputs", ())

    def download(self) -> None:
        """Create the folders and download the inputs. Raises TransferError."""
        shutil.rmtree(self._root, ignore_errors=True)
        config = self._root / "config"
        for folder in (config, self._root / "output"):
            folder.mkdir(parents=True)
        for output in self._outputs:
            self._local_path(output["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        hosts = {"current_host": HOST, "hosts": [HOST]}
        for name, document in (("processingjobconfig", self._request), ("resourceconfig", hosts)):
            (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
        for each in self._request.get("ProcessingInputs", ()):
            source = each["S3Input"]
            if not self._transfer.download(source["S3Uri"], self._local_path(source["LocalPath"])):
                raise TransferError(f"No S3 objects found under {source['S3Uri']}.")

    def execute(self, signal: StopSignal, write_line: Callable[[str], None]) -> ProgramExit:
        """Run the program to its end. Raises OSError if it can't start, and TransferError."""
        condition = self._request.get("StoppingCondition", {})
        limits = ProgramLimits(
            condition.get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME_S),
            self._settings.grace_s,
            self._upload_continuous,
            UPLOAD_INTERVAL_S,
        )
        program = Program(self._context.spawner, limits, signal)
        exit_ = program.run(self._command(), write_line)
        self._upload_continuous()
        return exit_

    def upload(self) -> None:
        """Upload the outputs at the end of the job. Raises TransferError."""
        for output in self._outputs:
            self._upload(output["S3Output"])

    def message(self) -> str:
        """Return the exit message that the program wrote, or an empty string."""
        path = self._root / "output" / "message"
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        return text[:MAX_MESSAGE_LENGTH]

    def _upload_continuous(self) -> None:
        for output in self._outputs:
            if output["S3Output"]["S3UploadMode"] == "Continuous":
                self._upload(output["S3Output"])

    def _upload(self, output: Mapping[str, str]) -> None:
        scratch = self._root / "sending"
        self._transfer.upload_changed(
            self._local_path(output["LocalPath"]), output["S3Uri"], scratch
        )

    def _local_path(self, path: str) -> Path:
        return self._root / path.removeprefix(ML_ROOT).lstrip("/")

    def _command(self) -> ProcessCommand:
        specification = self._request["AppSpecification"]
        _, *program = specification["ContainerEntrypoint"]
        first, *arguments = [
            str(self._local_path(argument)) if argument.startswith(f"{ML_ROOT}/") else argument
            for argument in (*program, *specification.get("ContainerArguments", ()))
        ]
        environment = {
            **base_environment(self._root),
            **self._context.credential_variables(self._request["RoleArn"]),
            **self._request.get("Environment", {}),
            "SAGEMAKER_PROGRAM": first,
            "SAGEMAKER_PROGRAM_ARGUMENTS": json.dumps(arguments),
        }
        return ProcessCommand(self._settings.interpreter, environment, self._root, SCRIPT)
