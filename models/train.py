"""The entry point of every job: `python -m models.train`, under SageMaker and on a laptop.

The job's folders hold what it is to do (models/training/job.py). A training that has several
devices or hosts starts torchrun, which starts this module again for each device. Exit codes: 0 when
done; 143 when SIGTERM stopped it after a checkpoint; 1 when it failed, with the reason in
output/failure.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping

from models.failures import Interrupted, TrainingFailure
from models.training.job import EXIT_CODE, TerminationSignal, TrainingJob
from models.training.launcher import is_idle, is_launched, launch, torchrun_command


def main(environ: Mapping[str, str]) -> int:
    """Run the job that the environment points to, and return the exit code."""
    # Both import torch, which an invalid job does not need.
    from models.jobs.runner import run_job
    from models.training.devices import count_devices

    job = None
    try:
        job = TrainingJob.of(environ)
        if not is_launched(environ):
            if is_idle(job):
                _say(f"{job.host} has no part in this job.")
                return 0
            if command := torchrun_command(job, count_devices(environ), environ):
                return launch(command, environ)
        run_job(job, environ, _say)
    except Interrupted as stopped:
        TerminationSignal.of(
            environ
        ).ask()  # the launcher may have had no signal, if another host had
        _say(str(stopped))
        return EXIT_CODE
    except TrainingFailure as failure:
        reason = f"{type(failure).__name__}: {failure}"
        print(reason, file=sys.stderr, flush=True)  # noqa: T201 - the log of the job
        if job is not None:
            job.fail(reason)
        return 1
    except Exception as error:  # noqa: BLE001 - SageMaker shows what stands in the file
        traceback.print_exc()
        if job is not None:
            job.fail(reason_of(error))
        return 1
    return 0


def reason_of(error: Exception) -> str:
    """Return what a user is told of an error that was not foreseen."""
    reason = f"{type(error).__name__}: {error}"
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return f"{reason} Fewer rows at once need less memory: --set batch=… or accumulate=…"
    return reason


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the log of the job


if __name__ == "__main__":
    raise SystemExit(main(os.environ))
