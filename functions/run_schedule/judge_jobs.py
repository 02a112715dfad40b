"""Grades a sample of captured answers by an evaluation, a job of its own with its own budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.receipts import Receipt
from chalicelib.jobs.ulids import ulid_of
from functions.run_schedule.children import ChildJobs, polling_seconds

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.contracts.captures import CapturedCall
    from chalicelib.contracts.schedule_runs import RunCheckpoint
    from chalicelib.contracts.schedules import WatchJudging
    from chalicelib.jobs.receipts import UnitCost
    from functions.run_schedule.kind import Run


@dataclass(frozen=True, slots=True)
class GradedAnswers:
    """How many answers were graded and passed, and what that cost."""

    calls: int
    passed: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class JudgingJobs:
    """The evaluations that runs begin to have answers graded. Each call may be repeated.

    `cost` is the price of a unit.
    """

    children: ChildJobs
    objects: ItemObjects
    cost: UnitCost

    def launch(self, run: Run, judging: WatchJudging, calls: Sequence[CapturedCall]) -> str:
        """Begin the evaluation of a sample of calls; return its id, "" if they are too few."""
        from chalicelib.contracts.evaluations.jobs import EvaluationInput
        from chalicelib.contracts.evaluations.orders import EvaluationOrder
        from chalicelib.evaluation.storage import SUITE
        from chalicelib.evaluation.suites import suite_digest
        from chalicelib.monitoring.features import asked_text
        from chalicelib.monitoring.judged_answers import answers_suite

        suite = answers_suite(judging, calls, [asked_text(call) for call in calls])
        if suite is None:
            return ""
        job = JobInput(
            tenant=run.tenant,
            job_id=self._job_id(run),
            kind="evaluation",
            bucket=run.bucket,
            correlation_id=run.correlation_id,
            evaluation=EvaluationOrder(
                suite=suite.name,
                sha256=suite_digest(suite),
                key=run.order.key,
                budget=judging.budget,
            ),
        )
        body = EvaluationInput(suite=suite, pinned=()).model_dump_json(by_alias=True)
        key = f"jobs/{run.tenant}/{job.job_id}/{SUITE}"
        self.objects.write(run.bucket, key, body.encode(), {})
        self.children.launch(job)
        return job.job_id

    def ended(self, run: Run, place: RunCheckpoint) -> GradedAnswers | int:
        """Return what was graded, or after how many seconds to look again.

        Answers that were not graded, for want of budget or of a judge, do not count.
        """
        from chalicelib.evaluation.views import evaluation_view

        child = self.children.find(run, place)
        if child.is_open:
            return polling_seconds(run, child)
        view = evaluation_view(child, self.cost)
        receipt = view.receipt or Receipt()
        if not view.targets or child.job.status not in ("succeeded", "partial"):
            return GradedAnswers(0, 0, receipt)
        graded = child.job.counts.done
        return GradedAnswers(graded, round(view.targets[0].pass_rate * graded), receipt)

    def cancel(self, run: Run) -> None:
        """Cancel the evaluation of a run, if one was begun."""
        place = run_place(self._job_id(run))
        self.children.cancel(run, place)

    def _job_id(self, run: Run) -> str:
        return ulid_of(run.state.job.created_at, f"{run.job_id}/judge")


def run_place(child: str) -> RunCheckpoint:
    """Return the checkpoint of a run whose job is `child`."""
    from chalicelib.contracts.schedule_runs import RunCheckpoint

    return RunCheckpoint(child=child)
