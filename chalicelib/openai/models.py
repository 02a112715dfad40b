"""Served models as OpenAI's API lists them.

https://platform.openai.com/docs/api-reference/models
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.openai.models import ModelList, ModelObject, ModelPrices
from chalicelib.errors import NotFound
from chalicelib.generation.models import AUTO, ServedModel, ServedModels

if TYPE_CHECKING:
    from chalicelib.generation.catalogue import UnitPrice
    from chalicelib.generation.models import ModelRoute
    from chalicelib.generation.requirements import CallRegion

_MILLION = 1_000_000
_AUTO = ModelObject(id=AUTO, owned_by="headrace", task="chat", tier=0)


def model_list(
    served: ServedModels,
    place: CallRegion,
    day: date,
    allowed: frozenset[str] | None = None,
    prices: Mapping[str, UnitPrice] | None = None,
) -> ModelList:
    """Return the models that can be called: `auto`, then the catalogue's in its order.

    Args:
        served: The models of the catalogue.
        place: The region that models are called from, and those that calls may reach.
        day: The day of the call, on which a model may have ended.
        allowed: The models that the tenant may use, None for all.
        prices: Prices of units, such as the catalogue's; models are shown without, if None.
    """
    found = (
        _object(model, route, prices)
        for model, route in _callable_models(served, place, day, allowed)
    )
    return ModelList(data=(_AUTO, *found))


def model_object(
    served: ServedModels,
    place: CallRegion,
    day: date,
    name: str,
    allowed: frozenset[str] | None = None,
    prices: Mapping[str, UnitPrice] | None = None,
) -> ModelObject:
    """Return the model `name`; raise `NotFound` if there is none that can be called."""
    for model in model_list(served, place, day, allowed, prices).data:
        if name == model.id or name in model.aliases:
            return model
    known = ", ".join(
        sorted(each.name for each, _ in _callable_models(served, place, day, allowed))
    )
    raise NotFound(f"No model is served as {name!r} here. There are: {known}.", field="model")


def _callable_models(
    served: ServedModels, place: CallRegion, day: date, allowed: frozenset[str] | None
) -> Iterator[tuple[ServedModel, ModelRoute]]:
    for model in served.models.values():
        if allowed is not None and model.name not in allowed:
            continue
        route = place.route(model)
        if model.lifecycle.status_on(day) != "ended" and route is not None:
            yield model, route


def _object(
    model: ServedModel, route: ModelRoute, prices: Mapping[str, UnitPrice] | None
) -> ModelObject:
    launched = model.lifecycle.launched
    created = datetime.combine(launched, time(), UTC).timestamp() if launched else 0
    return ModelObject(
        id=model.name,
        created=int(created),
        owned_by=model.provider,
        task=model.task,
        tier=model.tier,
        context_tokens=model.limits.context_tokens,
        abilities=tuple(sorted(model.abilities)),
        aliases=model.aliases,
        prices=None if prices is None else _prices(model, route, prices),
    )


def _prices(model: ServedModel, route: ModelRoute, prices: Mapping[str, UnitPrice]) -> ModelPrices:
    def dollars(unit: str, times: int) -> Decimal | None:
        found = prices.get(model.price_unit(unit))
        if found is None:
            return None
        price = (found.dollars * route.price_factor * times).normalize()
        return Decimal(
            f"{price:f}"
        )  # Without the zeros behind its digits, and without an exponent.

    return ModelPrices(
        million_tokens_in=dollars("input_token", _MILLION),
        million_tokens_out=dollars("output_token", _MILLION),
        image=dollars("image", 1),
        audio_minute=dollars("audio_second", 60),
    )
