"""Whether one model suffices for a wish, and what it offers: a route, a service tier, a cost.

Each rule returns None where the model holds to it, else the reason in words, as it reads of one
model or of several: "ended on 2026-09-30".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import dollars
from chalicelib.generation.adaptation import JSON_WORDS, SCHEMA_WORDS, asks_json_in_words
from chalicelib.generation.models import ModelRoute, ServedModel
from chalicelib.generation.pricing import Prices, max_cost, service_tier_factor
from chalicelib.generation.rate_limits.breaker import Breaker, describe_rest, open_until
from chalicelib.generation.requirements import Requirements
from chalicelib.generation.tokens import TokenLoad, estimated_tokens

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ServiceTier

BATCH_TIME = timedelta(hours=24)
"""What a batch job of Bedrock may take: its shortest timeout.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html
"""
_WORDS_TOKENS = estimated_tokens(f"\n\n{JSON_WORDS} {SCHEMA_WORDS}\n")
NUMBER_BYTES = 22
"""Of one number of a vector as JSON: a sign, 0., 17 digits and up to one zero before, a comma."""
_PIXEL_BYTES = 4
"""Of one pixel at most: three colours of eight bits that PNG did not make smaller, in base64."""
_SOONEST: tuple[ServiceTier, ...] = ("standard", "flex", "batch")
_ABILITIES = {
    "tools": "call tools",
    "tool_choice": "be made to call a tool",
    "json": "write JSON",
    "json_schema": "keep to a JSON Schema by its API",
    "streams": "stream",
    "walks": "draw what lies between two seeds",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """How a model would be asked, the most that one item uses there, and the most that all items
    cost, in nano-dollars; None where it is not priced.
    """

    route: ModelRoute
    service_tier: ServiceTier
    cost: int | None
    notes: tuple[str, ...]
    load: TokenLoad


def load_for_model(wish: Requirements, model: ServedModel) -> TokenLoad:
    """Return the most that one item of `wish` uses of `model`: as it is fitted to that."""
    added = model.limits.tool_tokens if wish.has_tools else 0
    if wish.asks_json and asks_json_in_words(
        model, has_schema=wish.has_schema, by_bedrock=wish.schema_by_bedrock
    ):
        added += _WORDS_TOKENS
    return replace(wish.load, tokens_in=wish.load.tokens_in + added)


def assess_model(
    wish: Requirements, model: ServedModel, prices: Prices, now: datetime, breaker: Breaker | None
) -> Candidate | str:
    """Return how `model` would be asked for `wish`, or why it is not."""
    for rule in _RULES:
        reason = rule(wish, model, now)
        if reason is not None:
            return reason
    resting = _resting(breaker, now)
    if resting is not None:
        return resting
    route = _route(wish, model)
    if route is None:
        return _unreachable(wish)
    return _priced(wish, model, route, prices, now)


def _priced(
    wish: Requirements, model: ServedModel, route: ModelRoute, prices: Prices, now: datetime
) -> Candidate | str:
    service_tier, factor, notes = _cheapest_tier(wish, model, now)
    load = load_for_model(wish, model)
    cost = max_cost(model, load, route.price_factor * factor, prices, wish.items)
    if wish.budget is not None and cost is None:
        return "not priced, so that nothing holds it to the budget"
    if cost is None and wish.model != model.name:
        return "not priced, so only when asked for by name"
    if wish.budget is not None and cost is not None and cost > wish.budget:
        return f"up to ${dollars(cost):f}, and the budget is ${dollars(wish.budget):f}"
    return Candidate(route, service_tier, cost, (*notes, *_refused(wish, model)), load)


def _cheapest_tier(
    wish: Requirements, model: ServedModel, now: datetime
) -> tuple[ServiceTier, Decimal, list[str]]:
    """Return the cheapest service tier that there is room for, its factor, and a note where it is
    not the one that was asked for. Of those that cost the same it is the latest, since that leaves
    the model's quota to calls that cannot wait.
    """
    best: tuple[ServiceTier, Decimal] = ("standard", Decimal(1))
    notes = []
    for service_tier in _SOONEST[1 : _SOONEST.index(wish.service_tier) + 1]:
        factor = service_tier_factor(model, service_tier)
        reason = "it has none" if factor is None else _no_room(wish, model, service_tier, now)
        if factor is not None and reason is None:
            best = (service_tier, factor) if factor <= best[1] else best
        elif service_tier == wish.service_tier:
            name = "batch job" if service_tier == "batch" else service_tier
            notes.append(f"no {name}: {reason}")
    if best[1] != 1:
        notes.insert(0, f"at {best[1]} of the price")
    return (*best, notes)


def _no_room(
    wish: Requirements, model: ServedModel, service_tier: ServiceTier, now: datetime
) -> str | None:
    if service_tier != "batch" or model.batch is None:
        return None
    if wish.items < model.batch.min_items:
        return f"it takes {model.batch.min_items} items at least, and there are {wish.items}"
    if wish.abilities & {"tools", "streams"}:
        return "it neither calls tools nor streams"
    if wish.deadline is not None and wish.deadline < now + BATCH_TIME:
        return f"it may take {BATCH_TIME // timedelta(hours=1)} hours, and the deadline is sooner"
    return None


def _refused(wish: Requirements, model: ServedModel) -> Iterator[str]:
    """Yield a note on each parameter that is given and that the model does not take."""
    for refused in model.refuses:
        first, _, second = refused.partition("+")
        if second and {first, second} <= wish.parameters:
            yield f"{second} is left out beside {first}"
        elif not second and first in wish.parameters:
            yield f"{first} is left out"


def _route(wish: Requirements, model: ServedModel) -> ModelRoute | None:
    place = wish.call_region
    for region in (place.region, *place.other_regions):
        route = model.backend.route(region, place.reach)
        if route is not None:
            return route
    return None


def _unreachable(wish: Requirements) -> str:
    place = wish.call_region
    regions = " or ".join((place.region, *place.other_regions))
    within = {
        "region": "in that region",
        "geography": "in the same geography",
        "global": "anywhere",
    }
    return f"can't be called from {regions} to be worked on {within[place.reach]}"


def _resting(breaker: Breaker | None, now: datetime) -> str | None:
    if breaker is None:
        return None
    until = open_until(breaker, now.timestamp())
    return None if until is None else describe_rest(breaker, until, now.timestamp())


def _task(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    return None if model.task == wish.task else f"for {model.task}"


def _allowed(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    if wish.allowed is None or model.name in wish.allowed:
        return None
    return "not among the models that this tenant may use"


def _alive(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    status = model.lifecycle.status_on(now.date())
    if status == "ended":
        return f"ended on {model.lifecycle.ends}"
    if status == "legacy" and wish.model != model.name:
        ends = f" until {model.lifecycle.ends}" if model.lifecycle.ends else ""
        return f"legacy{ends}, so only when asked for by name"
    return None


def _wanted(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    if not model.specialty or wish.model == model.name:
        return None
    return f"for {model.specialty} alone, so only when asked for by name"


def _in_time(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    if wish.deadline is None or wish.deadline > now:
        return None
    return "too late, the deadline has passed"


def _good_enough(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    if model.tier >= wish.quality:
        return None
    return f"below tier {wish.quality}"


def _reads(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    lacking = sorted(wish.inputs - model.inputs)
    return f"takes no {lacking[0]}" if lacking else None


def _able(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    lacking = sorted(wish.abilities - model.abilities)
    return f"can't {' or '.join(_ABILITIES[need] for need in lacking)}" if lacking else None


def _wide_enough(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    limits = model.limits
    if wish.dimensions is not None and wish.dimensions not in limits.dimensions:
        if not limits.dimensions:
            return "vectors of the dimensions that it was trained for, which nobody chooses"
        offered_ones = ", ".join(str(count) for count in limits.dimensions)
        return f"vectors of {offered_ones} dimensions, not {wish.dimensions}"
    if 0 < limits.output_tokens < wish.load.tokens_out:
        return f"writes {limits.output_tokens:,} tokens, and {wish.load.tokens_out:,} are asked for"
    longest = wish.longest_tokens + load_for_model(wish, model).tokens_in - wish.load.tokens_in
    if 0 < limits.context_tokens < longest:
        return f"holds {limits.context_tokens:,} tokens, and {longest:,} may be needed"
    return None


def _short_enough(wish: Requirements, model: ServedModel, now: datetime) -> str | None:
    """Return a reason where the answer may have more bytes than whoever asks can carry."""
    if wish.max_bytes is None:
        return None
    numbers = wish.dimensions or next(iter(model.limits.dimensions), 0)
    size = wish.vectors * numbers * NUMBER_BYTES + wish.pixels * _PIXEL_BYTES
    if size <= wish.max_bytes:
        return None
    return (
        f"answers of up to {size:,} bytes, and {wish.max_bytes:,} can be carried; ask for less, or"
        " by /v1/embeddings or /v1/images/generations, which stream"
    )


_Rule = Callable[[Requirements, ServedModel, datetime], "str | None"]
_RULES: tuple[_Rule, ...] = (
    *(_task, _allowed, _alive, _wanted, _in_time),
    *(_good_enough, _reads, _able, _wide_enough, _short_enough),
)
