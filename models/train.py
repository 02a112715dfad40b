"""The entry point of every job: `python -m models.train`, under SageMaker and on a laptop.

The job's folders hold what it is to do (models/training/job.py). Exit codes: 0 when done; 143 when
SIGTERM stopped it after a checkpoint; 1 when it failed, with the reason in output/failure.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from models.failures import Interrupted, TrainingFailure
from models.training.job import EXIT_CODE, TrainingJob


def main(environ: Mapping[str, str]) -> int:
    """Run the job that the environment points to, and return the exit code."""
    from models.jobs.runner import run_job  # imports torch, which an invalid job does not need

    job = None
    try:
        job = TrainingJob.of(environ)
        run_job(job, environ, _say)
    except Interrupted as stopped:
        _say(str(stopped))
        return EXIT_CODE
    except TrainingFailure as failure:
        reason = f"{type(failure).__name__}: {failure}"
        print(reason, file=sys.stderr, flush=True)  # noqa: T201 - the log of the job
        if job is not None:
            job.fail(reason)
        return 1
    return 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - the log of the job


if __name__ == "__main__":
    raise SystemExit(main(os.environ))
