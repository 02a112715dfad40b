"""Runs of suites by a stage: begun, confirmed and followed, until their results are here."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.evaluation.reports import show_estimate
from cli.failures import ApiError, ItemsFailedError, UsageError
from cli.jobs import follow, job_path
from cli.options import UserContext
from cli.output import Json

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import EvaluationResult

PLACE = "/v1/evaluations"
_BAD_SUITE = ("InvalidInput", "NotFound", "Unsupported")
"""Errors of the API that say that the suite, not the run, is wrong."""


def run_evaluation(target: UserContext, body: Json, *, yes: bool) -> Json:
    """Begin an evaluation and return its job as it ended; where it asks, somebody has to agree.

    Raises:
        UsageError: the suite cannot be run.
        ItemsFailedError: nobody agreed to the estimate.
    """
    job = follow(target.api, _begin(target, body), target.output)
    if job["status"] == "paused" and job["phase"] == "estimated":
        return _confirmed(target, job, yes=yes)
    return job


def fetch_result(target: UserContext, job: Json) -> EvaluationResult:
    """Return the results of an evaluation that ended.

    Raises:
        UsageError: there are none, since the suite cannot be run.
        ItemsFailedError: there are none for another reason, which was printed.
    """
    from chalicelib.contracts.evaluations.results import EvaluationResult

    found = next((each for each in job["results"] if each["name"] == "results.json"), None)
    if found is None:
        error = job.get("error") or {"type": job["status"], "message": "there are no results"}
        message = f"{job['job_id']}: {error['type']}: {error['message']}"
        if error["type"] in _BAD_SUITE:
            raise UsageError(message)
        target.output.notice(message)
        raise ItemsFailedError
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "results.json"
        target.api.download(found["url"], file, found["bytes"])
        return EvaluationResult.model_validate_json(file.read_bytes())


def _begin(target: UserContext, body: Json) -> str:
    try:
        return str(target.api.call("POST", PLACE, json=body, once=True)["evaluation_id"])
    except ApiError as refused:
        if refused.type in _BAD_SUITE:
            raise UsageError(str(refused)) from refused
        raise


def _confirmed(target: UserContext, job: Json, *, yes: bool) -> Json:
    """Show the estimate, and return the job as it ended once somebody agreed."""
    show_estimate(target.output, job)
    job_id = job["job_id"]
    if not yes and not click.confirm("Begin?", err=True):
        target.output.notice(f"Nothing was spent. To begin: headrace jobs {job_id} --resume")
        raise ItemsFailedError
    target.api.call("POST", f"{job_path(job_id)}/resume", once=True)
    return follow(target.api, job_id, target.output)
