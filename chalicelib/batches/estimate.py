"""The most that a batch may use, cost and take, counted as its lines are read. Pure.

Items are grouped by the models that may answer them. The first model of a group is found by
routing its largest item, as for a single call, and the sum of the group is priced by each service
tier. The bound is that of all models of the route.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.batches.rounds import MAX_PAID_TRIES
from chalicelib.contracts.batches import BatchEstimate, ModelEstimate, PathEstimate
from chalicelib.contracts.generations import ChatCall, ServiceTier, Terms
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import HeadraceError
from chalicelib.generation.check_names import JUDGED_KINDS, SELF_CHECK
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
_SECOND_CALL_TOKENS = 400
"""Tokens of what the second call of an item says beside the first one's prompt and answer."""
_TIERS: tuple[ServiceTier, ...] = ("standard", "flex", "batch")
MAX_GROUPS = 32
"""Choices of models that a batch may have: each is a line of the estimate."""


@dataclass(slots=True)
class _ItemGroup:
    """Items that the same models may answer.

    `alone` says why some of them need single calls, "" if none does. `checks_itself` says whether
    a model checks its own answer to some of them.
    """

    terms: Terms
    largest: Requirements
    alone: str = ""
    checks_itself: bool = False
    items: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0

    def mean_load(self) -> TokenLoad:
        """Return the load of an item on average, rounded up."""
        sums = (self.tokens_in, self.tokens_out, self.images)
        return TokenLoad(*(-(-whole // self.items) for whole in sums))

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
            asks_json=largest.asks_json or wanted.asks_json,
            fallback=largest.fallback or wanted.fallback,
            budget=_larger_budget(largest.budget, wanted.budget),
            inputs=largest.inputs | wanted.inputs,
        )

    def requirements(self) -> Requirements:
        """Return those of all items; each may cost up to its own budget."""
        budget = self.largest.budget
        whole = None if budget is None else budget * self.items
        return replace(self.largest, items=self.items, budget=whole)


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
        kind.checks_itself = kind.checks_itself or SELF_CHECK in item.terms.checks
        kind.alone = kind.alone or _single_call_reason(item)

    def estimate(
        self, served: ServedModels, prices: Prices, now: datetime, concurrency: int
    ) -> BatchEstimate:
        """Return what all items together use, with `at_once` calls at a time."""
        found = [_estimate_group(kind, served, prices, now) for kind in self.kinds.values()]
        models = tuple(model for model, _ in found)
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
            dollars_bound=dollars(sum(bound for _, bound in found)),
            seconds=round(seconds) if items else 0,
            models=models,
        )


def _larger_budget(one: int | None, other: int | None) -> int | None:
    """Return the larger of two budgets in nano-dollars; None is one without a limit."""
    return None if one is None or other is None else max(one, other)


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
) -> tuple[ModelEstimate, int]:
    """Return the estimate of a group, and the most that a round of it costs in nano-dollars."""
    unrouted = ModelEstimate(
        wanted=kind.terms.model,
        items=kind.items,
        tokens_in=kind.tokens_in,
        tokens_out=kind.tokens_out,
        images=kind.images,
    )
    try:
        route = plan_route(kind.requirements(), served, prices, now)
    except HeadraceError as error:
        return unrouted.model_copy(update={"words": (error.message,)}), 0
    if not route.steps:
        return unrouted.model_copy(update={"words": route.describe()}), 0
    first = route.steps[0]
    paths = tuple(_path_estimates(kind, route, served, prices))
    cost_by_tier = {path.service_tier: path.dollars for path in paths}
    cost = cost_by_tier.get(first.service_tier)
    words = replace(first, cost=None if cost is None else nanodollars(cost)).describe()
    found = unrouted.model_copy(
        update={"model": first.model, "paths": paths, "words": (words, *_fallback_words(route))}
    )
    return found, _route_bound(kind, route, served, prices)


def _fallback_words(route: RoutePlan) -> Iterator[str]:
    """Yield which models may be asked after the first."""
    if others := [step.title for step in route.steps[1:]]:
        yield f"If it fails or a check does, then {', '.join(others)}."


def _route_bound(kind: _ItemGroup, route: RoutePlan, served: ServedModels, prices: Prices) -> int:
    """Return what all items cost if every model of the route is asked in vain, in nano-dollars.

    A repair of invalid JSON, or a model's check of its own answer, is a second call, which reads
    the first answer as well.
    """
    total = 0
    for step in route.steps:
        model = served.models[step.model]
        load = kind.mean_load()
        if 0 < model.long_prompt_tokens < kind.largest.load.tokens_in:
            # Some items have the prices of long prompts, so that all are taken to have them.
            load = replace(load, tokens_in=max(load.tokens_in, model.long_prompt_tokens + 1))
        again = load.tokens_in + load.tokens_out + _SECOND_CALL_TOKENS
        second = replace(load, tokens_in=again)
        loads = [load, *[second] * (kind.largest.asks_json + kind.checks_itself)]
        factor = max(step.route.price_factor, Decimal(1))
        total += sum(max_cost(model, each, factor, prices, kind.items) or 0 for each in loads)
    return total * MAX_PAID_TRIES


def _path_estimates(
    kind: _ItemGroup, route: RoutePlan, served: ServedModels, prices: Prices
) -> Iterator[PathEstimate]:
    """Yield the cost of all items with the plan's first model, by each service tier."""
    step = route.steps[0]
    model = served.models[step.model]
    load = kind.mean_load()
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
