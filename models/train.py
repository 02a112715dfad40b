"""The entry point of every job: `python -m models.train`, under SageMaker and on a laptop.

What is asked lies in the job's folders (models/common/job.py). It exits with 0 when it is done, 143
when SIGTERM stopped it and what it had is kept, and 1 when it failed, the reason in output/failure.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from models.common.failures import Interrupted, TrainingFailure
from models.common.job import Job
from models.common.stopping import EXIT_CODE


def main(environ: Mapping[str, str]) -> int:
    """Run the job that the environment points to."""
    from models.common import running

    job = None
    try:
        job = Job.of(environ)
        running.run(job, environ, _say)
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
