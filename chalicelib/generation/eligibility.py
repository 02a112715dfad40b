"""Rules that decide whether a model can serve a call, by what route and at what cost.

Each rule returns None if the model satisfies it, else the reason in words that fit one model or
several: "ended on 2026-09-30". A rule about a field of the call names it in an `Obstacle`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import dollars
from chalicelib.generation.adaptation import JSON_WORDS, SCHEMA_WORDS, asks_json_in_words
from chalicelib.generation.models import ModelRoute, ServedModel, TranscribeBackend
from chalicelib.generation.pricing import Prices, max_cost, service_tier_factor
from chalicelib.generation.rate_limits.breaker import Breaker, describe_rest, open_until
from chalicelib.generation.requirements import NO_IMAGE_REGION, Requirements
from chalicelib.generation.tokens import TokenLoad, estimated_tokens

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ServiceTier

BATCH_TIME = timedelta(hours=24)
"""The shortest timeout of a batch job of Bedrock, so the least that a caller must allow.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelInvocationJob.html
"""
_WORDS_TOKENS = estimated_tokens(f"\n\n{JSON_WORDS} {SCHEMA_WORDS}\n")
NUMBER_BYTES = 22
"""Bytes of one number of a vector in JSON: sign, "0.", 17 digits, one leading zero, a comma."""
_PIXEL_BYTES = 4
"""The most bytes of one pixel: three colours of eight bits that PNG did not compress, in base64."""
_SOONEST: tuple[ServiceTier, ...] = ("standard", "flex", "batch")
_TEXT_FIELDS: Mapping[str, str] = {
    "chat": "messages",
    "embedding": "texts",
    "classification": "labels",
    "tagging": "texts",
    "scoring": "answers",
    "transcription": "file",
}
"""The field of a call that holds its longest text, by task."""
_ABILITIES = {
    "tools": "call tools",
    "tool_choice": "be made to call a tool",
    "json": "write JSON",
    "json_schema": "keep to a JSON Schema by its API",
    "streams": "stream",
    "walks": "draw what lies between two seeds",
    "translates": "translate speech into English",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that can serve a call: its route, service tier and cost.

    `cost` is the most that all items cost, in nano-dollars, None if the model is not priced. `load`
    is the most that one item uses.
    """

    route: ModelRoute
    service_tier: ServiceTier
    cost: int | None
    notes: tuple[str, ...]
    load: TokenLoad


@dataclass(frozen=True, slots=True)
class Obstacle:
    """The reason that a model cannot serve a call, and the field of the call that it is about.

    `limit` is the most that this model takes, None if the field has no such limit.
    """

    reason: str
    field: str = "model"
    limit: int | None = None


def load_for_model(requirements: Requirements, model: ServedModel) -> TokenLoad:
    """Return the most that one item uses of `model`, once the call is adapted to it."""
    added = model.limits.tool_tokens if requirements.has_tools else 0
    if requirements.asks_json and asks_json_in_words(
        model, has_schema=requirements.has_schema, by_bedrock=requirements.schema_by_bedrock
    ):
        added += _WORDS_TOKENS
    return replace(requirements.load, tokens_in=requirements.load.tokens_in + added)


def assess_model(
    requirements: Requirements,
    model: ServedModel,
    prices: Prices,
    now: datetime,
    breaker: Breaker | None,
) -> Candidate | Obstacle:
    """Return `model` as a candidate, or why it is not eligible."""
    for rule in _RULES:
        found = rule(requirements, model, now)
        if found is not None:
            return Obstacle(found) if isinstance(found, str) else found
    resting = _breaker_obstacle(breaker, now)
    if resting is not None:
        return Obstacle(resting)
    route = requirements.call_region.route(model)
    if route is None:
        return Obstacle(_unreachable_reason(requirements))
    return _price_candidate(requirements, model, route, prices, now)


def _price_candidate(
    requirements: Requirements, model: ServedModel, route: ModelRoute, prices: Prices, now: datetime
) -> Candidate | Obstacle:
    service_tier, factor, notes = _cheapest_tier(requirements, model, now)
    load = load_for_model(requirements, model)
    cost = max_cost(model, load, route.price_factor * factor, prices, requirements.items)
    if requirements.budget is not None and cost is None:
        return Obstacle("not priced, so that nothing holds it to the budget", "budget")
    if cost is None and requirements.model != model.name:
        return Obstacle("not priced, so only when asked for by name")
    if requirements.budget is not None and cost is not None and cost > requirements.budget:
        told = f"up to ${dollars(cost):f}, and the budget is ${dollars(requirements.budget):f}"
        return Obstacle(told, "budget")
    return Candidate(
        route, service_tier, cost, (*notes, *_refused_parameters(requirements, model)), load
    )


def _cheapest_tier(
    requirements: Requirements, model: ServedModel, now: datetime
) -> tuple[ServiceTier, Decimal, list[str]]:
    """Return the cheapest possible service tier, its price factor, and notes for the caller.

    A note says why it is not the tier that was asked for. Of tiers at the same price it is the
    slowest, since that leaves the model's quota to calls that cannot wait.
    """
    best: tuple[ServiceTier, Decimal] = ("standard", Decimal(1))
    notes = []
    for service_tier in _SOONEST[1 : _SOONEST.index(requirements.service_tier) + 1]:
        factor = service_tier_factor(model, service_tier)
        reason = (
            "it has none"
            if factor is None
            else _tier_obstacle(requirements, model, service_tier, now)
        )
        if factor is not None and reason is None:
            best = (service_tier, factor) if factor <= best[1] else best
        elif service_tier == requirements.service_tier:
            name = "batch job" if service_tier == "batch" else service_tier
            notes.append(f"no {name}: {reason}")
    if best[1] != 1:
        notes.insert(0, f"at {best[1]} of the price")
    return (*best, notes)


def _tier_obstacle(
    requirements: Requirements, model: ServedModel, service_tier: ServiceTier, now: datetime
) -> str | None:
    if service_tier != "batch" or model.batch is None:
        return None
    if requirements.items < model.batch.min_items:
        return (
            f"it takes {model.batch.min_items} items at least, and there are {requirements.items}"
        )
    if requirements.abilities & {"tools", "streams"}:
        return "it neither calls tools nor streams"
    if requirements.deadline is not None and requirements.deadline < now + BATCH_TIME:
        return f"it may take {BATCH_TIME // timedelta(hours=1)} hours, and the deadline is sooner"
    return None


def _refused_parameters(requirements: Requirements, model: ServedModel) -> Iterator[str]:
    """Yield a note on each given parameter that the model does not accept."""
    for refused in model.refuses:
        first, _, second = refused.partition("+")
        if second and {first, second} <= requirements.parameters:
            yield f"{second} is left out beside {first}"
        elif not second and first in requirements.parameters:
            yield f"{first} is left out"


def _unreachable_reason(requirements: Requirements) -> str:
    origin = requirements.call_region
    others = [*origin.other_regions]
    if requirements.task == "image" and origin.image_region not in ("", NO_IMAGE_REGION):
        others.append(origin.image_region)
    regions = " or ".join((origin.region, *others))
    within = {
        "region": "in that region",
        "geography": "in the same geography",
        "global": "anywhere",
    }
    return f"can't be called from {regions} to be worked on {within[origin.reach]}"


def _breaker_obstacle(breaker: Breaker | None, now: datetime) -> str | None:
    if breaker is None:
        return None
    until = open_until(breaker, now.timestamp())
    return None if until is None else describe_rest(breaker, until, now.timestamp())


def _has_task(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    return None if model.task == requirements.task else f"for {model.task}"


def _is_allowed(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    if requirements.allowed is None or model.name in requirements.allowed:
        return None
    return "not among the models that this tenant may use"


def _is_alive(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    status = model.lifecycle.status_on(now.date())
    if status == "ended":
        return f"ended on {model.lifecycle.ends}"
    if status == "legacy" and requirements.model != model.name:
        ends = f" until {model.lifecycle.ends}" if model.lifecycle.ends else ""
        return f"legacy{ends}, so only when asked for by name"
    return None


def _matches_specialty(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    if not model.specialty or requirements.model == model.name:
        return None
    return f"for {model.specialty} alone, so only when asked for by name"


def _answers_calls(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    if not isinstance(model.backend, TranscribeBackend):
        return None
    return (
        "transcribes recordings that are documents, by jobs that take minutes, and answers no"
        f" calls: name it as the transcriber of a collection (PUT /v1/collections/NAME with"
        f' {{"transcriber": "{model.name}"}}) and upload the recording there, or ask for whisper-1'
    )


def _is_in_time(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    if requirements.deadline is None or requirements.deadline > now:
        return None
    return "too late, the deadline has passed"


def _has_quality(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    if model.tier >= requirements.quality:
        return None
    return f"below tier {requirements.quality}"


def _takes_inputs(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    lacking = sorted(requirements.inputs - model.inputs)
    return f"takes no {lacking[0]}" if lacking else None


def _has_abilities(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    lacking = sorted(requirements.abilities - model.abilities)
    return f"can't {' or '.join(_ABILITIES[need] for need in lacking)}" if lacking else None


def _honours_parameters(
    requirements: Requirements, model: ServedModel, now: datetime
) -> Obstacle | None:
    for name in sorted(requirements.required_parameters & set(model.refuses)):
        return Obstacle(f"takes no {name}, so leave it out", name)
    return None


def _has_dimensions(
    requirements: Requirements, model: ServedModel, now: datetime
) -> Obstacle | None:
    wanted, offered = requirements.dimensions, model.limits.dimensions
    if wanted is None or wanted in offered:
        return None
    if not offered:
        reason = "vectors of the dimensions that it was trained for, which nobody chooses"
        return Obstacle(reason, "dimensions")
    counts = ", ".join(map(str, offered))
    return Obstacle(f"vectors of {counts} dimensions, not {wanted}", "dimensions", max(offered))


def _fits_limits(requirements: Requirements, model: ServedModel, now: datetime) -> Obstacle | None:
    limits, load = model.limits, requirements.load
    if 0 < limits.output_tokens < load.tokens_out:
        reason = f"writes {limits.output_tokens:,} tokens, and {load.tokens_out:,} are asked for"
        return Obstacle(reason, "max_tokens", limits.output_tokens)
    added = load_for_model(requirements, model).tokens_in - load.tokens_in
    longest = requirements.longest_tokens + added
    if 0 < limits.context_tokens < longest:
        reason = f"holds {limits.context_tokens:,} tokens, and {longest:,} may be needed"
        field = _TEXT_FIELDS.get(requirements.task, "prompt")
        return Obstacle(reason, field, limits.context_tokens)
    return None


def _fits_caller(requirements: Requirements, model: ServedModel, now: datetime) -> str | None:
    """Return a reason if the answer may have more bytes than the caller can receive."""
    if requirements.max_bytes is None:
        return None
    numbers = requirements.dimensions or next(iter(model.limits.dimensions), 0)
    size = requirements.vectors * numbers * NUMBER_BYTES + requirements.pixels * _PIXEL_BYTES
    if size <= requirements.max_bytes:
        return None
    return (
        f"answers of up to {size:,} bytes, and {requirements.max_bytes:,} can be carried; ask for"
        " less, or by /v1/embeddings or /v1/images/generations, which stream"
    )


_Rule = Callable[[Requirements, ServedModel, datetime], "Obstacle | str | None"]
_RULES: tuple[_Rule, ...] = (
    *(_has_task, _is_allowed, _is_alive, _answers_calls, _matches_specialty, _is_in_time),
    *(_has_quality, _takes_inputs, _has_abilities, _honours_parameters, _has_dimensions),
    *(_fits_limits, _fits_caller),
)
