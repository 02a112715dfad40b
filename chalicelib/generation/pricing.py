"""The cost of a call to a served model, before it and after. Pure.

Prices are the catalogue's, for one token or image by the model's own route. Before a call the
estimate is the most that it can cost: input tokens are overestimated, and output tokens are the
most that may be written. An estimate is rounded up, an actual cost to the nearest nano-dollar.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import NANODOLLARS_IN_A_DOLLAR_EXPONENT, nanodollars
from chalicelib.generation.catalogue import UnitPrice
from chalicelib.generation.models import FunctionBackend, ServedModel, TranscribeBackend
from chalicelib.generation.tokens import TokenLoad

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ServiceTier, Usage

Prices = Mapping[str, UnitPrice]
AUDIO_SECOND = "audio_second"
_MEBIBYTES_IN_A_GB = 1024


def service_tier_factor(model: ServedModel, service_tier: ServiceTier) -> Decimal | None:
    """Return the factor of the price by `service_tier`, None if the model lacks that tier."""
    if service_tier == "batch":
        return model.batch.price_factor if model.batch is not None else None
    return model.flex if service_tier == "flex" else Decimal(1)


def is_priced(model: ServedModel, prices: Prices) -> bool:
    """Return whether the catalogue has every price that a call to `model` needs."""
    return all(unit in prices for unit in price_units(model))


def price_units(model: ServedModel) -> tuple[str, ...]:
    """Return the units of the catalogue by which `model` is priced."""
    if isinstance(model.backend, FunctionBackend):
        return ("lambda.gb_second.arm64", "lambda.request")
    if isinstance(model.backend, TranscribeBackend):
        return (model.price_unit(AUDIO_SECOND),)
    if model.task == "image":
        return (model.price_unit("image"),)
    kinds = ["input_token"] if model.task == "embedding" else ["input_token", "output_token"]
    long = [f"long_{kind}" for kind in kinds] if model.long_prompt_tokens else []
    return tuple(model.price_unit(kind) for kind in (*kinds, *long))


def max_cost(
    model: ServedModel, load: TokenLoad, factor: Decimal, prices: Prices, items: int = 1
) -> int | None:
    """Return the most that `items` calls of `load` cost, in nano-dollars; None if unpriced.

    `factor` is that of the route times that of the service tier.
    """
    if not is_priced(model, prices):
        return None
    seconds = 0.0
    if isinstance(model.backend, FunctionBackend):
        seconds = _seconds(model.backend, load)
    whole = _dollars(model, load, prices, seconds) * factor * items
    shifted = whole.scaleb(NANODOLLARS_IN_A_DOLLAR_EXPONENT)
    return int(shifted.to_integral_value(rounding=ROUND_CEILING))


def actual_cost(
    model: ServedModel, usage: Usage, factor: Decimal, prices: Prices, seconds: float = 0.0
) -> int | None:
    """Return the cost of a call with `usage`, in nano-dollars; None if it is not priced.

    `seconds` are the measured ones, for which only a function of ours is billed.
    """
    if not is_priced(model, prices):
        return None
    load = TokenLoad(usage.tokens_in, usage.tokens_out, usage.images, usage.audio_seconds)
    return nanodollars(_dollars(model, load, prices, seconds) * factor)


def billed_seconds(backend: TranscribeBackend, seconds: float) -> int:
    """Return the seconds that a job of so many seconds of sound is billed: started ones count.

    https://aws.amazon.com/transcribe/pricing/
    """
    return max(backend.min_seconds, math.ceil(seconds))


def _seconds(backend: FunctionBackend, load: TokenLoad) -> float:
    """Return the most seconds that a call of `load` takes."""
    seconds = float(backend.call_seconds)
    if backend.tokens_per_second:
        seconds += (load.tokens_in + load.tokens_out) / backend.tokens_per_second
    if backend.images_per_second:
        seconds += load.images / backend.images_per_second
    if backend.audio_seconds_per_second:
        seconds += load.audio_seconds / backend.audio_seconds_per_second
    return seconds


def _dollars(model: ServedModel, load: TokenLoad, prices: Prices, seconds: float) -> Decimal:
    if isinstance(model.backend, FunctionBackend):
        gb_seconds = Decimal(str(seconds)) * model.backend.memory_mb / _MEBIBYTES_IN_A_GB
        cost = prices["lambda.gb_second.arm64"].dollars * gb_seconds
        return cost + prices["lambda.request"].dollars
    if isinstance(model.backend, TranscribeBackend):
        billed = billed_seconds(model.backend, load.audio_seconds)
        return prices[model.price_unit(AUDIO_SECOND)].dollars * billed
    if model.task == "image":
        return prices[model.price_unit("image")].dollars * load.images
    long = "long_" if 0 < model.long_prompt_tokens < load.tokens_in else ""
    cost = prices[model.price_unit(f"{long}input_token")].dollars * load.tokens_in
    if model.task == "embedding":
        return cost
    return cost + prices[model.price_unit(f"{long}output_token")].dollars * load.tokens_out
