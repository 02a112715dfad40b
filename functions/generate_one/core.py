"""Answer the one call of a job, and store its result where a batch stores results.

A call for which there is no capacity is repeated after a rest, until its deadline. One that was
paid for and returned nothing is made `MAX_PAID_TRIES` times; its cost is stored each time, and only
the last is a failure. An item with an outcome is not asked again, whatever happened to the step
that wrote it.
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
from chalicelib.batches.rounds import ItemStatus, was_paid
from chalicelib.batches.storage import ItemObjects
from chalicelib.budgets.settlement import Recount
from chalicelib.contracts.batches import BatchCheckpoint, ItemError, ItemRef
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.errors import Conflict, HeadraceError
from chalicelib.generation.added_models import StageModels
from chalicelib.generation.catalogue import Catalogue
from chalicelib.generation.dependencies import CallLimits
from chalicelib.generation.requirements import CallRegion
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.generate_one.single_call import SingleCall, SingleCallGenerator

SECONDS = 780.0
"""How long an answer may take in one step, all models that are tried for it together. The function
has 900 s: the checks and screening of the last answer come after it, and writing the results.
"""
ANNOUNCEMENTS = 2
"""Transitions of an attempt beside those of its steps: the events of its start and its end."""
_FIRST_REST_SECONDS = 5
_LONGEST_REST_SECONDS = 300


class BudgetSettler(Protocol):
    """The budget that the generator spends."""

    def flush(self) -> None:
        """Settle everything spent so far, and give the rest back."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    Attributes:
        models: returns the models of the stage with their prices.
        models_of: returns the models that a tenant may use, None for all.
        recount: returns the unsettled reservations of its budgets since a time.
        within: returns the limits of a call that may take so many seconds from now.
        chance: returns a number from [0, 1).
        log: records faults.
        new_id: returns a unique id.
    """

    desk: StepContext
    objects: ItemObjects
    answerer: SingleCallGenerator
    purse: BudgetSettler
    models: Callable[[], StageModels]
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
        return run_step(request, desk, step.answer, keep_all)
    beside = replace(desk, requests=0, transitions=ANNOUNCEMENTS)
    begun = run_step(request, beside, step.begin, keep_all)
    if begun.next == "ended":
        return begun
    return run_step(request, deps.desk.started(), step.answer, keep_all)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps

    def begin(self, state: JobState) -> StepOutcome:
        """Read the call and estimate it, or continue with what an earlier attempt left."""
        place = read_checkpoint(state)
        if place is not None:
            anew = {"phase": "generating", "idle": 0, "round": 0, "halted": None}
            epoch = place.epoch + (place.phase == "done")
            place = place.model_copy(update={**anew, "epoch": epoch})
            return StepOutcome(place, state.counted, "generating")
        deps, job_input = self.deps, state.input
        reading = InputReader(
            batch_order(job_input), BatchEstimator(deps.place, deps.models_of(job_input.tenant))
        )
        reading.read(deps.objects, job_input.bucket, state.prefix)
        stage = deps.models()
        estimate = reading.tally.estimate(
            stage.models, stage.prices, deps.desk.now(), concurrency=1
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
        statuses: list[tuple[ItemRef, ItemStatus]] = []
        for ref in read_refs(state, place, self.deps.objects):
            fate: ItemStatus | HeadraceError = asking.known(ref)
            if fate == "missing" and not late:
                fate = self._asked(asking, ref)
            if isinstance(fate, HeadraceError):
                return self._rest(state, place, fate)
            statuses.append((ref, fate))
        why = _too_late(place.halted)
        recount = self.deps.recount(state.input.tenant, state.job.created_at)
        writer = ResultWriter(self.deps.objects, self.deps.catalogue, state, place, why, recount)
        return writer.write(statuses, late=late)

    def _asked(self, asking: SingleCall, ref: ItemRef) -> ItemStatus | HeadraceError:
        """Make the call once; nothing stays reserved for a call that was refused or has ended."""
        try:
            return asking.asked(ref)
        finally:
            self.deps.purse.flush()

    def _asking(self, state: JobState, place: BatchCheckpoint) -> SingleCall:
        deps = self.deps
        seconds_left = (batch_order(state.input).deadline - deps.desk.now()).total_seconds()
        within = deps.within(min(SECONDS, seconds_left))
        return SingleCall(deps.objects, deps.answerer, state, place, within, deps.log, deps.new_id)

    def _rest(self, state: JobState, place: BatchCheckpoint, error: HeadraceError) -> StepOutcome:
        """Wait as long as the model says, or longer each time, but not beyond the deadline."""
        ceiling = min(_LONGEST_REST_SECONDS, _FIRST_REST_SECONDS * 2 ** min(place.round, 10))
        # Jitter over the upper half, so that calls refused together do not return together.
        seconds = max(error.retry_after or 0, ceiling * (1 + self.deps.chance()) / 2)
        seconds_left = (batch_order(state.input).deadline - self.deps.desk.now()).total_seconds()
        update = {
            "round": place.round + 1,
            "idle": place.idle + was_paid(error),
            "halted": item_error(error),
        }
        return StepOutcome(
            place.model_copy(update=update),
            state.counted,
            "generating",
            next="wait",
            seconds=max(1, math.ceil(min(seconds, seconds_left))),
        )


def _too_late(last: ItemError | None) -> ItemError:
    """Return the error of a call that its deadline ended, with the last try's error."""
    message = "It was not answered by the deadline."
    if last is not None:
        message += f" The last try ended by {last.type}: {last.message}"
    return ItemError(type=EXPIRED, message=message)
