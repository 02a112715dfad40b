"""The most that a batch may use, cost and take, counted as its lines are read. Pure.

Items are grouped by the models that may answer them. The first model of a group is found by
routing its largest item, as for a single call, and the sum of the group is priced by each service
tier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.batches import BatchEstimate, ModelEstimate, PathEstimate
from chalicelib.contracts.generations import ChatCall, ServiceTier, Terms
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import HeadraceError
from chalicelib.generation.check_names import JUDGED_KINDS
from chalicelib.generation.pricing import Prices, max_cost, service_tier_factor
from chalicelib.generation.requirements import CallRegion, Requirements, derive_requirements
from chalicelib.generation.router import RoutePlan, plan_route
from chalicelib.generation.tokens import TokenLoad

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem
    from chalicelib.generation.models import ServedModel, ServedModels

TOKENS_PER_SECOND = 50
"""Tokens that a model writes in a second: a round guess, for an estimate of time."""
CALL_SECONDS = 0.5
"""Seconds that a call takes beside its tokens; a guess, too."""
_TIERS: tuple[ServiceTier, ...] = ("standard", "flex", "batch")
MAX_GROUPS = 32
"""Choices of models that a batch may have: each is a line of the estimate."""


@dataclass(slots=True)
class _ItemGroup:
    """Items that the same models may answer.

    `alone` says why some of them need single calls, "" if none does.
    """

    terms: Terms
    largest: Requirements
    alone: str = ""
    items: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0

    def add(self, wanted: Requirements) -> None:
        """Count one more item, and keep the largest of each measure, whichever item has it."""
        self.items += 1
        self.tokens_in += wanted.load.tokens_in
        self.tokens_out += wanted.load.tokens_out
        self.images += wanted.load.images
        largest = self.largest
        load = TokenLoad(
            max(largest.load.tokens_in, wanted.load.tokens_in),
            max(largest.load.tokens_out, wanted.load.tokens_out),
            max(largest.load.images, wanted.load.images),
        )
        self.largest = replace(
            largest,
            load=load,
            longest_tokens=max(largest.longest_tokens, wanted.longest_tokens),
            abilities=largest.abilities | wanted.abilities,
            inputs=largest.inputs | wanted.inputs,
        )


@dataclass(slots=True)
class BatchEstimator:
    """Counts the items of a batch by group. Not safe for several threads.

    `allowed` are the models that the tenant may use, None for all.
    """

    place: CallRegion
    allowed: frozenset[str] | None = None
    kinds: dict[tuple[str, str, int], _ItemGroup] = field(default_factory=dict)

    def fits(self, item: BatchItem) -> bool:
        """Tell whether there is room for the models that `item` asks for."""
        return _group_key(item) in self.kinds or len(self.kinds) < MAX_GROUPS

    def add(self, item: BatchItem) -> None:
        """Count an item."""
        wanted = derive_requirements(item.call, item.terms, self.place, allowed=self.allowed)
        kind = self.kinds.setdefault(_group_key(item), _ItemGroup(item.terms, wanted))
        kind.add(wanted)
        kind.alone = kind.alone or _single_call_reason(item)

    def estimate(
        self, served: ServedModels, prices: Prices, now: datetime, concurrency: int
    ) -> BatchEstimate:
        """Return what all items together use, with `at_once` calls at a time."""
        models = tuple(_estimate_group(kind, served, prices, now) for kind in self.kinds.values())
        costs = (
            _group_cost(model, kind)
            for model, kind in zip(models, self.kinds.values(), strict=True)
        )
        items = sum(kind.items for kind in self.kinds.values())
        tokens_out = sum(kind.tokens_out for kind in self.kinds.values())
        seconds = (items * CALL_SECONDS + tokens_out / TOKENS_PER_SECOND) / concurrency
        return BatchEstimate(
            items=items,
            tokens_in=sum(kind.tokens_in for kind in self.kinds.values()),
            tokens_out=tokens_out,
            images=sum(kind.images for kind in self.kinds.values()),
            dollars=sum(costs, Decimal(0)),
            seconds=round(seconds) if items else 0,
            models=models,
        )


def _group_key(item: BatchItem) -> tuple[str, str, int]:
    return item.call.task, item.terms.model, item.terms.quality


def _single_call_reason(item: BatchItem) -> str:
    if item.terms.budget is not None:
        return "an item has a budget of its own"
    if any(name in JUDGED_KINDS for name in item.terms.checks):
        return "a check asks another model"
    if isinstance(item.call, ChatCall) and item.call.tools:
        return "a job calls no tools"
    return ""


def _estimate_group(
    kind: _ItemGroup, served: ServedModels, prices: Prices, now: datetime
) -> ModelEstimate:
    unrouted = ModelEstimate(
        wanted=kind.terms.model,
        items=kind.items,
        tokens_in=kind.tokens_in,
        tokens_out=kind.tokens_out,
        images=kind.images,
    )
    try:
        route = plan_route(replace(kind.largest, items=kind.items), served, prices, now)
    except HeadraceError as error:
        return unrouted.model_copy(update={"words": (error.message,)})
    if not route.steps:
        return unrouted.model_copy(update={"words": route.describe()})
    first = route.steps[0]
    paths = tuple(_path_estimates(kind, route, served, prices))
    cost_by_tier = {path.service_tier: path.dollars for path in paths}
    cost = cost_by_tier.get(first.service_tier)
    words = replace(first, cost=None if cost is None else nanodollars(cost)).describe()
    return unrouted.model_copy(update={"model": first.model, "paths": paths, "words": (words,)})


def _path_estimates(
    kind: _ItemGroup, route: RoutePlan, served: ServedModels, prices: Prices
) -> Iterator[PathEstimate]:
    """Yield the cost of all items with the plan's first model, by each service tier."""
    step = route.steps[0]
    model = served.models[step.model]
    load = TokenLoad(
        *(-(-all_ // kind.items) for all_ in (kind.tokens_in, kind.tokens_out, kind.images))
    )
    for service_tier in _TIERS:
        reason = _unavailable_reason(kind, model, service_tier)
        if reason:
            yield PathEstimate(service_tier=service_tier, reason=reason)
            continue
        factor = step.route.price_factor * (service_tier_factor(model, service_tier) or Decimal(1))
        cost = max_cost(model, load, factor, prices, kind.items)
        yield PathEstimate(
            service_tier=service_tier,
            dollars=None if cost is None else dollars(cost),
            reason="it has no price" if cost is None else "",
        )


def _unavailable_reason(kind: _ItemGroup, model: ServedModel, service_tier: ServiceTier) -> str:
    """Return why the items cannot go by a service tier, "" if they can."""
    if service_tier_factor(model, service_tier) is None:
        return f"{model.title} has none"
    if service_tier != "batch" or model.batch is None:
        return ""
    if kind.items < model.batch.min_items:
        return f"a job takes {model.batch.min_items} items at least"
    return kind.alone


def _group_cost(model: ModelEstimate, kind: _ItemGroup) -> Decimal:
    """Return the cost of the items by the dearest path that a call may take.

    That is on demand, or flex where it was asked for and is offered.
    """
    costs = {path.service_tier: path.dollars for path in model.paths if path.dollars is not None}
    wanted = kind.terms.service_tier
    tier: ServiceTier = "flex" if wanted != "standard" and "flex" in costs else "standard"
    return costs.get(tier, Decimal(0))
