"""What a batch uses, costs and takes at most, counted as its lines are read. Pure.

Items are told apart by the models that they let answer. For each kind its first model is found by
the plan of the largest item, as routing does for a single call, and the sum of all is priced by
each service tier.
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
from chalicelib.generation.check_names import JUDGED
from chalicelib.generation.pricing import Load, Prices, estimate, offered
from chalicelib.generation.routing import Plan, plan
from chalicelib.generation.wishes import Place, Wish, wish

if TYPE_CHECKING:
    from chalicelib.batches.lines import Item
    from chalicelib.generation.served import Served, ServedModel

TOKENS_A_SECOND = 50
"""Tokens that a model writes in a second: a guess in round numbers, for an estimate of time."""
CALL_SECONDS = 0.5
"""What a call takes beside that; a guess, too."""
_TIERS: tuple[ServiceTier, ...] = ("standard", "flex", "batch")
MAX_KINDS = 32
"""Choices of models that a batch may have: each is a line of the estimate."""


@dataclass(slots=True)
class _Kind:
    """The items that let the same models answer. `alone` says why some are for single calls."""

    terms: Terms
    largest: Wish
    alone: str = ""
    items: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0

    def add(self, wanted: Wish) -> None:
        """Count one more item. The largest of each measure is kept, whichever item has it."""
        self.items += 1
        self.tokens_in += wanted.load.tokens_in
        self.tokens_out += wanted.load.tokens_out
        self.images += wanted.load.images
        kept = self.largest
        load = Load(
            max(kept.load.tokens_in, wanted.load.tokens_in),
            max(kept.load.tokens_out, wanted.load.tokens_out),
            max(kept.load.images, wanted.load.images),
        )
        self.largest = replace(
            kept,
            load=load,
            longest_tokens=max(kept.longest_tokens, wanted.longest_tokens),
            needs=kept.needs | wanted.needs,
            inputs=kept.inputs | wanted.inputs,
        )


@dataclass(slots=True)
class Tally:
    """The items of a batch as they are read, and the models that its tenant may use, None for all.
    Not for more than one thread.
    """

    place: Place
    allowed: frozenset[str] | None = None
    kinds: dict[tuple[str, str, int], _Kind] = field(default_factory=dict)

    def fits(self, item: Item) -> bool:
        """Tell whether there is room for the models that `item` wants."""
        return _key(item) in self.kinds or len(self.kinds) < MAX_KINDS

    def add(self, item: Item) -> None:
        """Count an item."""
        wanted = wish(item.call, item.terms, self.place, allowed=self.allowed)
        kind = self.kinds.setdefault(_key(item), _Kind(item.terms, wanted))
        kind.add(wanted)
        kind.alone = kind.alone or _alone(item)

    def estimate(
        self, served: Served, prices: Prices, now: datetime, at_once: int
    ) -> BatchEstimate:
        """Return what all items together use; `at_once` calls are made at a time."""
        models = tuple(_estimated(kind, served, prices, now) for kind in self.kinds.values())
        chosen = (
            _chosen(each, kind) for each, kind in zip(models, self.kinds.values(), strict=True)
        )
        items = sum(kind.items for kind in self.kinds.values())
        written = sum(kind.tokens_out for kind in self.kinds.values())
        seconds = (items * CALL_SECONDS + written / TOKENS_A_SECOND) / at_once
        return BatchEstimate(
            items=items,
            tokens_in=sum(kind.tokens_in for kind in self.kinds.values()),
            tokens_out=written,
            images=sum(kind.images for kind in self.kinds.values()),
            dollars=sum(chosen, Decimal(0)),
            seconds=round(seconds) if items else 0,
            models=models,
        )


def _key(item: Item) -> tuple[str, str, int]:
    return item.call.task, item.terms.model, item.terms.quality


def _alone(item: Item) -> str:
    if item.terms.budget is not None:
        return "an item has a budget of its own"
    if any(name in JUDGED for name in item.terms.checks):
        return "a check asks another model"
    if isinstance(item.call, ChatCall) and item.call.tools:
        return "a job calls no tools"
    return ""


def _estimated(kind: _Kind, served: Served, prices: Prices, now: datetime) -> ModelEstimate:
    told = ModelEstimate(
        wanted=kind.terms.model,
        items=kind.items,
        tokens_in=kind.tokens_in,
        tokens_out=kind.tokens_out,
        images=kind.images,
    )
    try:
        found = plan(replace(kind.largest, items=kind.items), served, prices, now)
    except HeadraceError as error:
        return told.model_copy(update={"words": (error.message,)})
    if not found.steps:
        return told.model_copy(update={"words": found.words()})
    first = found.steps[0]
    paths = tuple(_paths(kind, found, served, prices))
    costs = {path.service_tier: path.dollars for path in paths}
    cost = costs.get(first.service_tier)
    words = replace(first, cost=None if cost is None else nanodollars(cost)).words()
    return told.model_copy(update={"model": first.model, "paths": paths, "words": (words,)})


def _paths(kind: _Kind, found: Plan, served: Served, prices: Prices) -> Iterator[PathEstimate]:
    """Yield what the first model of the plan costs for all items, by each service tier."""
    step = found.steps[0]
    model = served.models[step.model]
    load = Load(
        *(-(-all_ // kind.items) for all_ in (kind.tokens_in, kind.tokens_out, kind.images))
    )
    for service_tier in _TIERS:
        reason = _unfit(kind, model, service_tier)
        if reason:
            yield PathEstimate(service_tier=service_tier, reason=reason)
            continue
        factor = step.route.price_factor * (offered(model, service_tier) or Decimal(1))
        cost = estimate(model, load, factor, prices, kind.items)
        yield PathEstimate(
            service_tier=service_tier,
            dollars=None if cost is None else dollars(cost),
            reason="it has no price" if cost is None else "",
        )


def _unfit(kind: _Kind, model: ServedModel, service_tier: ServiceTier) -> str:
    """Return why the items cannot go by a service tier, "" where they can."""
    if offered(model, service_tier) is None:
        return f"{model.title} has none"
    if service_tier != "batch" or model.batch is None:
        return ""
    if kind.items < model.batch.least_items:
        return f"a job takes {model.batch.least_items} items at least"
    return kind.alone


def _chosen(each: ModelEstimate, kind: _Kind) -> Decimal:
    """Return what the items cost by the dearest path that a call may go: at once, or by flex where
    that was asked for and there is one.
    """
    costs = {path.service_tier: path.dollars for path in each.paths if path.dollars is not None}
    wanted = kind.terms.service_tier
    tier: ServiceTier = "flex" if wanted != "standard" and "flex" in costs else "standard"
    return costs.get(tier, Decimal(0))
