"""Starts a training with torchrun: a process for each device, on each host of the job.

A request names one program, which SageMaker runs once on each host, so that the program itself has
to start the others. That holds for AWS's images, for one's own, and without SageMaker.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
https://docs.pytorch.org/docs/stable/elastic/run.html
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

from models.failures import BadJob
from models.training.job import EXIT_CODE, STOP_FILE, TrainingJob

PORT = "MASTER_PORT"
"""The variable with the port of the first host at which the hosts meet."""

_DEFAULT_PORT = "7777"
_PROGRAM = "models.train"
_CODE = Path(__file__).parents[2]
_TASKS = ("train", "try")
"""The tasks that several processes share; the others run on the first host alone."""


def is_launched(environ: Mapping[str, str]) -> bool:
    """Return whether torchrun started this process."""
    return "WORLD_SIZE" in environ


def is_idle(job: TrainingJob) -> bool:
    """Return whether this host has no part in the job, which is not shared. Raises BadJob."""
    return _number(job) > 0 and job.hyperparameters.get("task", "train") not in _TASKS


def torchrun_command(job: TrainingJob, devices: int, environ: Mapping[str, str]) -> list[str]:
    """Return the command that trains with `devices` processes here, or [] if one is enough.

    Raises:
        BadJob: this host is none of the job's.
    """
    number, hosts = _number(job), sorted(job.hosts)
    shared = job.hyperparameters.get("task", "train") in _TASKS
    if not shared or (len(hosts) == 1 and devices == 1):
        return []
    meeting = (
        ["--standalone"]
        if len(hosts) == 1
        else [
            f"--nnodes={len(hosts)}",
            f"--node-rank={number}",
            f"--master-addr={hosts[0]}",
            f"--master-port={environ.get(PORT, _DEFAULT_PORT)}",
        ]
    )
    run = [sys.executable, "-m", "torch.distributed.run"]
    return [*run, *meeting, f"--nproc-per-node={devices}", "-m", _PROGRAM]


def launch(command: list[str], environ: Mapping[str, str]) -> int:
    """Run torchrun to its end and return the exit code of the job: 0, 1, or 143 after SIGTERM.

    SIGTERM becomes a file that the processes look for after each step, so that they end by
    themselves, after the same step and with a checkpoint.
    """
    with tempfile.TemporaryDirectory() as folder:
        stop = Path(folder) / "stop"

        def ask(_signal: int, _frame: FrameType | None) -> None:
            stop.touch()

        path = os.pathsep.join(filter(None, (str(_CODE), environ.get("PYTHONPATH"))))
        before = signal.signal(signal.SIGTERM, ask)
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, env={**environ, "PYTHONPATH": path, STOP_FILE: str(stop)}
        )
        try:
            code = process.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
            if process.poll() is None:
                process.terminate()
                process.wait()
        if code and stop.exists():
            return EXIT_CODE
        return 1 if code else 0


def _number(job: TrainingJob) -> int:
    if job.host not in job.hosts:
        raise BadJob(
            f"resourceconfig.json: current_host is {job.host!r}, which is none of the hosts "
            f"{', '.join(job.hosts)}."
        )
    return sorted(job.hosts).index(job.host)
