"""Models.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from chalicelib.contracts.base import Contract


class ModelPrices(Contract):
    """AWS's list prices of a model by its cheapest way from here, in dollars.

    None is what the model is not billed by: a model that the stage serves itself costs the
    seconds of its function.
    """

    million_tokens_in: Decimal | None = None
    million_tokens_out: Decimal | None = None
    image: Decimal | None = None
    audio_minute: Decimal | None = None


class ModelObject(Contract):
    """One model that can be asked for. `created` is when it was launched, 0 where not known.

    Our own fields are `task`, `tier` of quality from 1 to 5, capabilities, `prices`, and `aliases`:
    names of OpenAI's models that it answers to.
    """

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str
    task: str
    tier: int
    context_tokens: int = 0
    abilities: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    prices: ModelPrices | None = None


class ModelList(Contract):
    """Every model that can be asked for."""

    object: Literal["list"] = "list"
    data: tuple[ModelObject, ...]
