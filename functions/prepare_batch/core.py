"""The first step of an attempt at a batch: it reads the input, or resumes the last one.

The input is read once, line by line. The valid items, the most that all of them may cost, and their
distribution are known before anything is spent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.batches.checkpoint import (
    batch_order,
    first_checkpoint,
    initial_counts,
    keep_all,
    read_checkpoint,
)
from chalicelib.batches.estimate import BatchEstimator
from chalicelib.batches.input_reader import InputReader
from chalicelib.batches.rounds import THREADS, items_per_child
from chalicelib.batches.service_jobs import choose_service_job
from chalicelib.contracts.batches import BatchCheckpoint, ServiceJob
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.contracts.receipts import dollars
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step

if TYPE_CHECKING:
    from chalicelib.batches.prompt_items import PromptRenderer
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.generation.added_models import StageModels
    from chalicelib.generation.requirements import CallRegion
    from chalicelib.jobs.lifecycle import JobState


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    `models` returns those of the stage with their prices; `models_of` the ones that a tenant may
    use, None for all. `prompts` returns a new renderer of its prompts for each batch. `concurrency`
    is how many children answer at once.
    """

    desk: StepContext
    objects: ItemObjects
    models: Callable[[], StageModels]
    place: CallRegion
    models_of: Callable[[str], frozenset[str] | None]
    prompts: Callable[[str], PromptRenderer]
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

    def work(self, state: JobState) -> StepOutcome:
        """Do the work of the job's current phase."""
        place = read_checkpoint(state)
        if place is None:
            return self._prepare(state)
        match place.phase:
            case "estimated":
                return self._begin(state, place)
            case "queueing":
                return StepOutcome(place, state.counted, "queueing", next="queue")
            case "done":
                return _again(state, place.model_copy(update={"epoch": place.epoch + 1}))
            case _:
                return _again(state, place)

    def _prepare(self, state: JobState) -> StepOutcome:
        """Read the input, and begin, or wait for the start if that was asked for."""
        job_input, order = state.input, batch_order(state.input)
        tally = BatchEstimator(self.deps.place, self.deps.models_of(job_input.tenant))
        reading = InputReader(order, tally, partial(self.deps.prompts, job_input.tenant))
        reading.read(self.deps.objects, job_input.bucket, state.prefix)
        stage = self.deps.models()
        estimate = reading.tally.estimate(
            stage.models,
            stage.prices,
            self.deps.desk.now(),
            self.deps.concurrency * THREADS,
        )
        job = choose_service_job(
            order, estimate, stage.models, self.deps.place, self.deps.desk.now()
        )
        if job is not None:
            estimate = estimate.model_copy(update={"dollars": dollars(job.nanodollars)})
        place = first_checkpoint(reading, estimate, state)
        if order.confirm and place.items:
            place = place.model_copy(update={"phase": "estimated"})
            return StepOutcome(place, initial_counts(place), "estimated", paused=True)
        return self._begin(state, place)

    def _begin(self, state: JobState, place: BatchCheckpoint) -> StepOutcome:
        """Have all items answered, if there are any."""
        place = place.model_copy(update={"phase": "generating"})
        if not place.items:
            return StepOutcome(place, initial_counts(place), "generating", next="reduce")
        job = self._service_job(state, place)
        if job is not None:
            place = place.model_copy(update={"phase": "queueing", "service_job": job})
            return StepOutcome(place, initial_counts(place), "queueing", next="queue")
        return StepOutcome(
            place,
            initial_counts(place),
            "generating",
            next="generate",
            key=place.key,
            items_a_child=items_per_child(place.items, self.deps.concurrency),
            epoch=place.epoch,
        )

    def _service_job(self, state: JobState, place: BatchCheckpoint) -> ServiceJob | None:
        """Return the batch job of Bedrock that is worth creating, if there is one."""
        if place.estimate is None:
            return None
        order, now = batch_order(state.input), self.deps.desk.now()
        models = self.deps.models().models
        return choose_service_job(order, place.estimate, models, self.deps.place, now)


def _again(state: JobState, place: BatchCheckpoint) -> StepOutcome:
    """Continue where an earlier attempt stopped: existing outcomes must be counted first."""
    place = place.model_copy(update={"phase": "generating", "idle": 0, "halted": None, "words": ()})
    return StepOutcome(place, state.counted, "generating", next="reduce")
