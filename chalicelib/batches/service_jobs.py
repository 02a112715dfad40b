"""Batch jobs of Bedrock: when one is worth it, what it is asked, and what it answered. Pure.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.contracts.batches import BatchEstimate, BatchOrder, ServiceJob
from chalicelib.contracts.generations import Attempt, ChatCall, Generation, Reply
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import ModelFailure
from chalicelib.generation.bodies import converse, converse_answers
from chalicelib.generation.fitting import fitted
from chalicelib.generation.pricing import charge
from chalicelib.generation.routing import Plan, Step
from chalicelib.generation.served import BedrockBackend, Route, Served, ServedModel

if TYPE_CHECKING:
    from chalicelib.batches.lines import Item
    from chalicelib.generation.accounts import Accounts
    from chalicelib.generation.wishes import Place

LEAST_TIME = timedelta(hours=1)
"""Before the deadline: below it, hardly anything would be answered before the job is stopped."""
SPARE = 2
"""Times the estimate of time that is kept for what the job does not answer."""
LEAST_SPARE = timedelta(minutes=20)
"""What is kept at least: the job is looked at every few minutes, and takes some to stop."""
MOST_HOURS = 168
LEAST_HOURS = 24
"""What the service takes as a job's timeout."""
RECORDS = "records.jsonl"
ENDED = frozenset({"Completed", "PartiallyCompleted", "Failed", "Stopped", "Expired"})
_DIGITS = 10


def chosen(
    order: BatchOrder, estimate: BatchEstimate, served: Served, place: Place, now: datetime
) -> ServiceJob | None:
    """Return the job that is worth asking for, None where calls are made one by one.

    It is asked for by the service tier, takes one chat model of Bedrock in the stage's region that
    is cheaper so, as the estimate has it, and enough time.
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
    spare = timedelta(seconds=SPARE * estimate.seconds)
    stop_at = order.deadline - max(spare, LEAST_SPARE)
    if route is None or route.region != place.region or model.batch is None:
        return None
    if stop_at - now < LEAST_TIME:
        return None
    return ServiceJob(
        model=model.name,
        model_id=route.model_id,
        factor=route.price_factor * model.batch.price_factor,
        nanodollars=nanodollars(batch),
        stop_at=stop_at,
    )


def hours(job: ServiceJob, now: datetime) -> int:
    """Return the timeout of a job, which the service counts by hours."""
    left = -(-(job.stop_at - now) // timedelta(hours=1))
    return min(MOST_HOURS, max(LEAST_HOURS, left))


def record(n: int, item: Item, model: ServedModel) -> bytes:
    """Return the line that asks for item `n`."""
    call = fitted(item.call, model)
    assert isinstance(call, ChatCall), "a model of Converse is asked for nothing else"
    body = converse.line(converse.request(call))
    told = {"recordId": f"R{n:0{_DIGITS}d}", "modelInput": body}
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def read_record(line: bytes) -> tuple[int, Mapping[str, Any] | None]:
    """Return the number of an item and what the model answered, None where it did not.

    Raises:
        ModelFailure: the line is none that the service writes.
    """
    try:
        told = json.loads(line)
        n = int(str(told["recordId"]).removeprefix("R"))
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFailure(f"A line of the job's output cannot be read: {error}.") from error
    answered = told.get("modelOutput")
    return n, answered if isinstance(answered, dict) else None


@dataclass(frozen=True, slots=True)
class Bookkeeper:
    """Makes generations of what a job answered, at the price of a batch."""

    accounts: Accounts
    job: ServiceJob

    @property
    def model(self) -> ServedModel:
        """Return the model that the job asks."""
        return self.accounts.served.model(self.job.model)

    def generation(self, n: int, answered: Mapping[str, Any], now: datetime) -> Generation:
        """Return what a model answered to item `n`, with what it cost.

        Raises:
            ModelFailure: it is no answer.
        """
        read = converse_answers.answer(answered)
        model = self.model
        cost = charge(model, read.usage, self.job.factor, self.accounts.prices) or 0
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
        return self.accounts.generation(generation_id, now, reply, self._plan(), [attempt])

    def _plan(self) -> Plan:
        model = self.model
        route = Route(self.job.model_id, "", "region", self.job.factor)
        step = Step(model.name, model.title, model.tier, route, "batch", self.job.nanodollars)
        return Plan((step,), ())
