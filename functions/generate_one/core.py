"""Answer the one call of a job, and put its result where a batch puts results.

A call for which there is no room is made again after a rest, until its deadline. One that was paid
for and gave nothing is made `MOST_PAID` times; what it cost is kept each time, and only the last is
a failure. What has an outcome is not asked again, whatever became of the step that wrote it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from chalicelib.batches.checkpoint import (
    batch_order,
    first_checkpoint,
    initial_counts,
    is_past_deadline,
    keep_all,
    read_checkpoint,
    read_refs,
)
from chalicelib.batches.estimate import BatchEstimator
from chalicelib.batches.input_reader import InputReader
from chalicelib.batches.outcomes import EXPIRED, item_error
from chalicelib.batches.results import ResultWriter
from chalicelib.batches.rounds import ItemStatus
from chalicelib.batches.storage import ItemObjects
from chalicelib.budgets.settlement import Recount
from chalicelib.contracts.batches import BatchCheckpoint, ItemError, ItemRef
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.errors import Conflict, HeadraceError
from chalicelib.generation.catalogue import Catalogue
from chalicelib.generation.dependencies import CallLimits
from chalicelib.generation.models import ServedModels
from chalicelib.generation.requirements import CallRegion
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.generate_one.single_call import SingleCall, SingleCallGenerator, was_paid

SECONDS = 780.0
"""How long an answer may take in one step, all models that are tried for it together. The function
has 900 s: what checks and screens of the last answer take comes after it, and the results.
"""
ANNOUNCEMENTS = 2
"""Transitions of an attempt beside those of its steps: it tells that it began, and how it ended."""
_FIRST_REST_SECONDS = 5
_LONGEST_REST_SECONDS = 300


class BudgetSettler(Protocol):
    """The budget that the answerer spends."""

    def flush(self) -> None:
        """Count all that was spent so far, and give the rest back."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`. `models_of` returns the models that a tenant may use, None
    for all, `recount` what of its budgets nobody has settled since a time, `within` the bounds of
    what takes so many seconds from now, `chance` is from [0, 1), `log` is told of faults, and
    `new_id` returns what nothing else is called.
    """

    desk: StepContext
    objects: ItemObjects
    answerer: SingleCallGenerator
    purse: BudgetSettler
    served: Callable[[], ServedModels]
    catalogue: Callable[[], Catalogue]
    place: CallRegion
    models_of: Callable[[str], frozenset[str] | None]
    recount: Callable[[str, datetime], Recount]
    within: Callable[[float], CallLimits]
    chance: Callable[[], float]
    log: Callable[[HeadraceError], None]
    new_id: Callable[[], str]


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do the step.

    Raises:
        InvalidInput: there is no call.
        Transient, Throttled: a service did not answer; the step may be repeated.
    """
    step = _Step(deps)
    desk = deps.desk.started()
    state = deps.desk.jobs.state(request.tenant, request.job_id)
    if state is None or state.job.status != "queued":
        after_rest = replace(desk, transitions=desk.transitions + 1)
        return run_step(request, after_rest, step.answer, keep_all)
    beside = replace(desk, requests=0, transitions=ANNOUNCEMENTS)
    begun = run_step(request, beside, step.begin, keep_all)
    if begun.next == "ended":
        return begun
    return run_step(request, deps.desk.started(), step.answer, keep_all)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps

    def begin(self, state: JobState) -> StepOutcome:
        """Read the call and estimate it, or take up what an earlier attempt left."""
        place = read_checkpoint(state)
        if place is not None:
            anew = {"phase": "generating", "idle": 0, "round": 0, "halted": None}
            epoch = place.epoch + (place.phase == "done")
            place = place.model_copy(update={**anew, "epoch": epoch})
            return StepOutcome(place, state.counted, "generating")
        deps, given = self.deps, state.input
        reading = InputReader(
            batch_order(given), BatchEstimator(deps.place, deps.models_of(given.tenant))
        )
        reading.read(deps.objects, given.bucket, state.prefix)
        estimate = reading.tally.estimate(
            deps.served(), deps.catalogue().prices, deps.desk.now(), concurrency=1
        )
        place = first_checkpoint(reading, estimate, state).model_copy(
            update={"phase": "generating"}
        )
        return StepOutcome(place, initial_counts(place), "generating")

    def answer(self, state: JobState) -> StepOutcome:
        """Answer items that have no outcome yet, and write the results; or rest."""
        place = read_checkpoint(state)
        if place is None:
            raise Conflict(f"{state.input.job_id} has not begun yet.")
        late = is_past_deadline(batch_order(state.input), self.deps.desk.now())
        asking = self._asking(state, place)
        found: list[tuple[ItemRef, ItemStatus]] = []
        for ref in read_refs(state, place, self.deps.objects):
            fate: ItemStatus | HeadraceError = asking.known(ref)
            if fate == "missing" and not late:
                fate = self._asked(asking, ref)
            if isinstance(fate, HeadraceError):
                return self._rest(state, place, fate)
            found.append((ref, fate))
        why = _too_late(place.halted)
        recount = self.deps.recount(state.input.tenant, state.job.created_at)
        writer = ResultWriter(self.deps.objects, self.deps.catalogue, state, place, why, recount)
        return writer.write(found, late=late)

    def _asked(self, asking: SingleCall, ref: ItemRef) -> ItemStatus | HeadraceError:
        """Ask once, and keep nothing of a budget for a call that was refused or has ended."""
        try:
            return asking.asked(ref)
        finally:
            self.deps.purse.flush()

    def _asking(self, state: JobState, place: BatchCheckpoint) -> SingleCall:
        deps = self.deps
        left = (batch_order(state.input).deadline - deps.desk.now()).total_seconds()
        within = deps.within(min(SECONDS, left))
        return SingleCall(deps.objects, deps.answerer, state, place, within, deps.log, deps.new_id)

    def _rest(self, state: JobState, place: BatchCheckpoint, error: HeadraceError) -> StepOutcome:
        """Wait for as long as the model says, or longer each time, and not beyond the deadline."""
        ceiling = min(_LONGEST_REST_SECONDS, _FIRST_REST_SECONDS * 2 ** min(place.round, 10))
        wanted = max(error.retry_after or 0, ceiling * (1 + self.deps.chance()) / 2)
        left = (batch_order(state.input).deadline - self.deps.desk.now()).total_seconds()
        told = {
            "round": place.round + 1,
            "idle": place.idle + was_paid(error),
            "halted": item_error(error),
        }
        return StepOutcome(
            place.model_copy(update=told),
            state.counted,
            "generating",
            next="wait",
            seconds=max(1, math.ceil(min(wanted, left))),
        )


def _too_late(last: ItemError | None) -> ItemError:
    """Return the error of a call whose deadline came first, with the last try's error."""
    message = "It was not answered by the deadline."
    if last is not None:
        message += f" The last try ended by {last.type}: {last.message}"
    return ItemError(type=EXPIRED, message=message)
