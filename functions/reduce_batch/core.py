"""After a round of a batch: count the outcomes, then start another or write the results.

    results.jsonl   a line for each item that is done, in the order of the input
    errors.jsonl    a line for each line of the input that is not, in the same order
    summary.json    counts that add up, what was spent, and the estimate beside it

Reservations that killed children left open in the tenant's budgets are settled by the charges in
the outcomes, so that budgets and receipts agree. Memory does not grow with the number of items,
except for the places of missing ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.batches.checkpoint import (
    batch_order,
    is_past_deadline,
    keep_all,
    read_checkpoint,
    read_refs,
)
from chalicelib.batches.outcomes import EXPIRED
from chalicelib.batches.receipts import add_children
from chalicelib.batches.results import ResultWriter
from chalicelib.batches.rounds import (
    ItemStatus,
    RetryRound,
    item_statuses,
    items_per_child,
    may_pass,
    next_round,
)
from chalicelib.contracts.batches import BatchCheckpoint, ItemError, ItemRef
from chalicelib.contracts.jobs import JobCounts, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import Conflict, HeadraceError
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.budgets.settlement import Recount
    from chalicelib.generation.catalogue import Catalogue
    from chalicelib.jobs.lifecycle import JobState

NOT_ANSWERED = ItemError(
    type="Throttled",
    message="No model had room for it, in several rounds; try the job again a little later.",
)
TOO_LATE = ItemError(type=EXPIRED, message="It was not answered by the deadline.")


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    `recount` returns the unsettled reservations of a tenant's budgets since a time; `concurrency`
    is how many children answer at once.
    """

    desk: StepContext
    objects: ItemObjects
    catalogue: Callable[[], Catalogue]
    recount: Callable[[str, datetime], Recount]
    concurrency: int


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do the step.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
        Conflict: the counts do not add up.
        HeadraceError: the children failed, in a way that a retry does not fix.
    """
    step = _Step(deps, request)
    return run_step(request, deps.desk.started(), step.work, keep_all)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    request: StepRequest

    def work(self, state: JobState) -> StepOutcome:
        """Count the outcomes, and continue or end."""
        place = read_checkpoint(state)
        if place is None:
            raise Conflict(f"{state.input.job_id} is not prepared yet.")
        place = place.model_copy(update={"used": add_children(place.used, self.request.children)})
        if place.phase == "reducing":
            return self._reduce(state, place)
        return self._reconcile(state, place)

    def _reconcile(self, state: JobState, place: BatchCheckpoint) -> StepOutcome:
        """Find the missing items and decide whether to answer them in another round.

        Items that were refused for money are retried as long as rounds make progress: amounts that
        calls of other children reserved, and did not use, are available then.
        """
        missing: list[ItemRef] = []
        counts = {"done": 0, "failed": place.rejected}
        for ref, fate in self._fates(state, place):
            if fate == "missing":
                missing.append(ref)
            else:
                counts[fate] += 1
        counted = JobCounts(total=place.items + place.rejected, **counts)
        late = is_past_deadline(batch_order(state.input), self.deps.desk.now())
        was_asked = self.request.children.children > 0
        got_on = len(missing) < place.missing
        after = next_round(place.missing, len(missing), place.idle)
        if missing and not was_asked and not late:
            return self._another(state, place, counted, missing, 0)
        self._demand_children(got_on or late, after)
        place = place.model_copy(
            update={"missing": len(missing), "idle": after.idle, "halted": self.request.halted}
        )
        if after.another and not late and (place.halted is None or got_on):
            return self._another(state, place, counted, missing, after.seconds)
        place = place.model_copy(update={"phase": "reducing"})
        return StepOutcome(place, counted, "reducing", next="more")

    def _demand_children(self, got_on: bool, after: RetryRound) -> None:
        """Raise if children failed, the round made no progress, and another would not help."""
        error = self.request.error
        if error is None or got_on or (after.another and may_pass(error)):
            return
        raise HeadraceError(f"Items could not be answered: {error.type}: {error.message}")

    def _another(
        self,
        state: JobState,
        place: BatchCheckpoint,
        counts: JobCounts,
        missing: list[ItemRef],
        seconds: int,
    ) -> StepOutcome:
        """Request a round for the missing items, `seconds` from now."""
        name = storage.round_file(state.job.attempt, place.round + 1)
        key = state.prefix + name
        self.deps.objects.write(state.input.bucket, key, dump_lines(missing), {})
        place = place.model_copy(
            update={
                "phase": "generating",
                "key": key,
                "round": place.round + 1,
                "missing": len(missing),
                "halted": None,
            }
        )
        return StepOutcome(
            place,
            counts,
            "generating",
            next="generate",
            key=key,
            seconds=seconds,
            items_a_child=items_per_child(len(missing), self.deps.concurrency),
            epoch=place.epoch,
        )

    def _reduce(self, state: JobState, place: BatchCheckpoint) -> StepOutcome:
        """Write the results and end."""
        late = is_past_deadline(batch_order(state.input), self.deps.desk.now())
        why = TOO_LATE if late else place.halted or NOT_ANSWERED
        recount = self.deps.recount(state.input.tenant, state.job.created_at)
        writer = ResultWriter(self.deps.objects, self.deps.catalogue, state, place, why, recount)
        return writer.write(self._fates(state, place), late=late)

    def _fates(
        self, state: JobState, place: BatchCheckpoint
    ) -> Iterator[tuple[ItemRef, ItemStatus]]:
        items = read_refs(state, place, self.deps.objects)
        done = self._numbers(state, storage.OUTCOMES)
        failed = self._numbers(state, storage.failures_prefix(place.epoch))
        return item_statuses(items, done, failed)

    def _numbers(self, state: JobState, folder: str) -> Iterator[int]:
        keys = self.deps.objects.keys(state.input.bucket, state.prefix + folder)
        return map(storage.item_number, keys)
