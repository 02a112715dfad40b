"""Runs a suite by an evaluation, with the prompts as they are then, and copies its reports to S3.

A gate that did not pass ends the run as `partial`, with the reasons: the work was done, and a
schedule is not paused by what it found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from chalicelib.contracts.evaluations.jobs import EvaluationInput
from chalicelib.contracts.evaluations.orders import EvaluationOrder
from chalicelib.contracts.jobs import JobEnd, JobInput
from chalicelib.contracts.schedule_places import Destinations
from chalicelib.contracts.schedules import EvaluationWork
from chalicelib.errors import Unsupported
from chalicelib.evaluation.pinned_targets import pin_targets
from chalicelib.evaluation.storage import SUITE
from chalicelib.evaluation.suites import check_variables, suite_digest
from chalicelib.evaluation.views import evaluation_view
from functions.run_schedule.child_files import ChildFileRuns
from functions.run_schedule.kind import Run

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.prompts import PromptVersion
    from chalicelib.contracts.receipts import Receipt
    from chalicelib.jobs.lifecycle import JobState
    from chalicelib.jobs.receipts import UnitCost


@dataclass(frozen=True, slots=True)
class EvaluationRuns(ChildFileRuns):
    """Does the work of runs that evaluate a suite.

    `look_up` returns a version of a tenant's prompt, and `cost` the price of a unit.
    """

    objects: ItemObjects
    look_up: Callable[[str, str, str | int], PromptVersion]
    cost: UnitCost
    name: ClassVar[str] = "evaluation"
    phase: ClassVar[str] = "evaluating"

    def order(self, run: Run) -> JobInput:
        """Write the suite with the versions of its prompts, and return the evaluation's input.

        Raises:
            NotFound: a prompt, or its version, is gone.
            InvalidInput: a case does not have the variables of a prompt as it is now.
        """
        suite = _work(run).suite
        # Prompts of the suite itself were checked when the schedule was made.
        pinned = pin_targets(
            suite, lambda name, wanted: self.look_up(run.tenant, name, wanted), lambda content: None
        )
        check_variables(suite, {each.target: each.content for each in pinned})
        job = JobInput(
            tenant=run.tenant,
            job_id=self.child_id(run),
            kind="evaluation",
            bucket=run.bucket,
            correlation_id=run.correlation_id,
            evaluation=EvaluationOrder(
                suite=suite.name,
                sha256=suite_digest(suite),
                key=run.order.key,
                budget=run.order.budget or suite.budget,
            ),
        )
        body = EvaluationInput(suite=suite, pinned=pinned).model_dump_json(by_alias=True)
        key = f"jobs/{run.tenant}/{job.job_id}/{SUITE}"
        self.objects.write(run.bucket, key, body.encode(), {})
        return job

    def destinations(self, run: Run) -> Destinations:
        """Return where the reports go."""
        return _work(run).results

    def end(self, child: JobState) -> tuple[JobEnd, tuple[str, ...]]:
        """Return `succeeded` if the gate passed, and otherwise why it did not."""
        verdict = evaluation_view(child, self.cost).verdict
        if verdict is not None and verdict.passed:
            return "succeeded", ("the gate passed",)
        reasons = verdict.reasons if verdict is not None else ()
        return "partial", ("the gate did not pass", *reasons)

    def receipt(self, child: JobState) -> Receipt | None:
        """Return what the evaluation cost, models and judges among it."""
        return evaluation_view(child, self.cost).receipt


def _work(run: Run) -> EvaluationWork:
    if not isinstance(run.work, EvaluationWork):
        raise Unsupported("This run evaluates no suite.", field="work.kind")
    return run.work
