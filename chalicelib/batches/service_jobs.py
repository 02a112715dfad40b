"""Batch jobs of Bedrock: when one is worth it, its records, and its answers. Pure.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.batches import BatchCheckpoint, BatchEstimate, BatchOrder, ServiceJob
from chalicelib.contracts.generations import Attempt, ChatCall, Generation, Reply
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import ModelFailure
from chalicelib.generation.adaptation import adapt_call
from chalicelib.generation.bodies import converse
from chalicelib.generation.models import BedrockBackend, ModelRoute, ServedModel, ServedModels
from chalicelib.generation.pricing import actual_cost
from chalicelib.generation.router import RoutePlan, RouteStep

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem
    from chalicelib.generation.receipts import CostModel
    from chalicelib.generation.requirements import CallRegion

MIN_TIME = timedelta(hours=1)
"""The least time before the deadline: below it, hardly anything would be answered."""
SPARE_FACTOR = 2
"""The multiple of the estimated time that is reserved for items the job does not answer."""
MIN_SPARE = timedelta(minutes=20)
"""The least time that is reserved: the job is polled every few minutes, and stops slowly."""
MAX_HOURS = 168
MIN_HOURS = 24
"""The limits of a job's timeout."""
RECORDS = "records.jsonl"
ENDED = frozenset({"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"})
_DIGITS = 10


def choose_service_job(
    order: BatchOrder,
    estimate: BatchEstimate,
    served: ServedModels,
    place: CallRegion,
    now: datetime,
) -> ServiceJob | None:
    """Return the job that is worth starting, None if calls are made one by one.

    The service tier must ask for it, and it needs one chat model of Bedrock, in the stage's region,
    that is cheaper in a batch by the estimate, and enough time.
    """
    if order.service_tier != "batch" or len(estimate.models) != 1:
        return None
    (only,) = estimate.models
    costs = {path.service_tier: path.dollars for path in only.paths}
    batch, standard = costs.get("batch"), costs.get("standard")
    model = served.models.get(only.model)
    if batch is None or standard is None or batch >= standard or model is None:
        return None
    backend = model.backend
    if not isinstance(backend, BedrockBackend) or backend.schema != "converse":
        return None
    route = backend.route(place.region, place.reach)
    spare = timedelta(seconds=SPARE_FACTOR * estimate.seconds)
    stop_at = order.deadline - max(spare, MIN_SPARE)
    if route is None or route.region != place.region or model.batch is None:
        return None
    if stop_at - now < MIN_TIME:
        return None
    return ServiceJob(
        model=model.name,
        model_id=route.model_id,
        factor=route.price_factor * model.batch.price_factor,
        nanodollars=nanodollars(batch),
        stop_at=stop_at,
    )


def timeout_hours(job: ServiceJob, now: datetime) -> int:
    """Return the timeout of a job, which the service counts in hours."""
    left = -(-(job.stop_at - now) // timedelta(hours=1))
    return min(MAX_HOURS, max(MIN_HOURS, left))


def failed_job_notes(
    reason: str, left: int, checkpoint: BatchCheckpoint, job: ServiceJob
) -> tuple[str, ...]:
    """Return why a job failed, and the most that single calls for its items would cost.

    Args:
        reason: Why it failed.
        left: How many items have no answer.
        checkpoint: The batch's, with its estimate.
        job: The job that failed.
    """
    (only,) = checkpoint.estimate.models if checkpoint.estimate is not None else ()
    standard = next(path.dollars for path in only.paths if path.service_tier == "standard")
    assert standard is not None, "a job is chosen only where both ways have a price"
    share = Decimal(left) / checkpoint.items
    one_by_one, in_job = (
        dollars(int(nanos * share)) for nanos in (nanodollars(standard), job.nanodollars)
    )
    price = (
        f"{left} items are not answered. Answered one by one they cost about ${one_by_one} at"
        f" most, instead of ${in_job} in a batch job. Resume the batch to have them answered so,"
        " or cancel it."
    )
    return f"{reason.rstrip('. :')}.", price


def input_record(n: int, item: BatchItem, model: ServedModel) -> bytes:
    """Return the record that asks for item `n`."""
    call = adapt_call(item.call, model)
    assert isinstance(call, ChatCall), "a model of Converse is asked for nothing else"
    body = converse.json_line(converse.build_request(call))
    record = {"recordId": f"R{n:0{_DIGITS}d}", "modelInput": body}
    return json.dumps(record, ensure_ascii=False).encode() + b"\n"


def parse_output_record(line: bytes) -> tuple[int, Mapping[str, Any] | None]:
    """Return an item's number and the model's answer, None if it has none.

    Raises:
        ModelFailure: the line is not valid output of the service.
    """
    try:
        record = json.loads(line)
        n = int(str(record["recordId"]).removeprefix("R"))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFailure(f"A line of the job's output cannot be read: {error}.") from error
    answer = record.get("modelOutput")
    return n, answer if isinstance(answer, dict) else None


@dataclass(frozen=True, slots=True)
class JobOutputParser:
    """Turns the output of a job into generations, at the price of a batch."""

    accounts: CostModel
    job: ServiceJob

    @property
    def model(self) -> ServedModel:
        """Return the model that the job runs."""
        return self.accounts.models.model(self.job.model)

    def generation(self, n: int, answered: Mapping[str, Any], now: datetime) -> Generation:
        """Return the answer to item `n` as a generation, with its cost.

        Raises:
            ModelFailure: it is not a valid answer.
        """
        read = converse.parse_answer(answered)
        model = self.model
        cost = actual_cost(model, read.usage, self.job.factor, self.accounts.prices) or 0
        reply = Reply(
            model=model.name,
            answered_by=read.answered_by or self.job.model_id,
            output=read.output,
            usage=read.usage,
            seconds=0.0,
            service_tier="batch",
        )
        attempt = Attempt(
            model=model.name,
            answered_by=reply.answered_by,
            outcome="accepted",
            usage=read.usage,
            dollars=dollars(cost),
        )
        generation_id = f"{self.job.arn.rpartition('/')[2]}-{n}"
        return self.accounts.build_generation(generation_id, now, reply, self._plan(), [attempt])

    def _plan(self) -> RoutePlan:
        model = self.model
        route = ModelRoute(self.job.model_id, "", "region", self.job.factor)
        step = RouteStep(model.name, model.title, model.tier, route, "batch", self.job.nanodollars)
        return RoutePlan((step,), ())
