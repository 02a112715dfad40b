"""The first step of an attempt at a batch: read the input, or find where the last one stopped.

The input is read once, a line at a time. What is an item and what is not, what all of it may cost
and how it is shared out is known before anything is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.batches.checkpoints import counts_of, keep_all, place_of, prepared
from chalicelib.batches.estimating import Tally
from chalicelib.batches.orders import order_of
from chalicelib.batches.reading import Prompts, Reading
from chalicelib.batches.service_jobs import chosen
from chalicelib.batches.sharing import THREADS, items_a_child
from chalicelib.contracts.batches import BatchPlace, ServiceJob
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.contracts.receipts import dollars
from chalicelib.jobs.stepping import Desk, Outcome, run_step

if TYPE_CHECKING:
    from chalicelib.batches.ports import ItemObjects
    from chalicelib.generation.pricing import Prices
    from chalicelib.generation.served import Served
    from chalicelib.generation.wishes import Place
    from chalicelib.jobs.lifecycle import JobState


@dataclass(frozen=True, slots=True)
class Deps:
    """What preparing needs of the world. `models_of` returns the models that a tenant may use, None
    for all, `prompts` what renders its prompts, made anew for each batch, and `concurrency` is how
    many children answer at once.
    """

    desk: Desk
    objects: ItemObjects
    served: Callable[[], Served]
    prices: Callable[[], Prices]
    place: Place
    models_of: Callable[[str], frozenset[str] | None]
    prompts: Callable[[str], Prompts]
    concurrency: int


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do the step.

    Raises:
        InvalidInput: there is no input, or it is more than a batch may have.
        Transient, Throttled: a service did not answer; the step may be repeated.
    """
    step = _Step(deps)
    return run_step(request, deps.desk.started(), step.work, keep_all)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps

    def work(self, state: JobState) -> Outcome:
        """Do what the phase that the job is in asks for."""
        place = place_of(state)
        if place is None:
            return self._prepare(state)
        match place.phase:
            case "estimated":
                return self._begin(state, place)
            case "queueing":
                return Outcome(place, state.counted, "queueing", next="queue")
            case "done":
                return _again(state, place.model_copy(update={"epoch": place.epoch + 1}))
            case _:
                return _again(state, place)

    def _prepare(self, state: JobState) -> Outcome:
        """Read the input, and begin, or wait to be told to where that was asked for."""
        given, order = state.input, order_of(state.input)
        tally = Tally(self.deps.place, self.deps.models_of(given.tenant))
        reading = Reading(order, tally, partial(self.deps.prompts, given.tenant))
        reading.read(self.deps.objects, given.bucket, state.prefix)
        estimate = reading.tally.estimate(
            self.deps.served(),
            self.deps.prices(),
            self.deps.desk.now(),
            self.deps.concurrency * THREADS,
        )
        job = chosen(order, estimate, self.deps.served(), self.deps.place, self.deps.desk.now())
        if job is not None:
            estimate = estimate.model_copy(update={"dollars": dollars(job.nanodollars)})
        place = prepared(reading, estimate, state)
        if order.confirm and place.items:
            place = place.model_copy(update={"phase": "estimated"})
            return Outcome(place, counts_of(place), "estimated", paused=True)
        return self._begin(state, place)

    def _begin(self, state: JobState, place: BatchPlace) -> Outcome:
        """Have all items answered, where there are any."""
        place = place.model_copy(update={"phase": "generating"})
        if not place.items:
            return Outcome(place, counts_of(place), "generating", next="reduce")
        job = self._service_job(state, place)
        if job is not None:
            place = place.model_copy(update={"phase": "queueing", "service_job": job})
            return Outcome(place, counts_of(place), "queueing", next="queue")
        return Outcome(
            place,
            counts_of(place),
            "generating",
            next="generate",
            key=place.key,
            items_a_child=items_a_child(place.items, self.deps.concurrency),
            epoch=place.epoch,
        )

    def _service_job(self, state: JobState, place: BatchPlace) -> ServiceJob | None:
        """Return the batch job of Bedrock that is worth asking for, if there is one."""
        if place.estimate is None:
            return None
        order, now = order_of(state.input), self.deps.desk.now()
        return chosen(order, place.estimate, self.deps.served(), self.deps.place, now)


def _again(state: JobState, place: BatchPlace) -> Outcome:
    """Go on where an earlier attempt stopped: what there is has to be counted first."""
    place = place.model_copy(update={"phase": "generating", "idle": 0, "halted": None})
    return Outcome(place, state.counted, "generating", next="reduce")
