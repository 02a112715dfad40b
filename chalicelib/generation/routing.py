"""Which models are asked for a call, in which order, what it may cost, and why. Pure.

Who is asked for by name comes first, then its fallbacks. Otherwise it is the cheapest that suffices
by what one knows before: abilities, limits, where it can be called from, how it is, quality, price.
A batch job or flex is chosen where the caller has room for it and it is cheaper. Every model that
is not in the plan is left out for a reason, which the plan gives in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.receipts import dollars
from chalicelib.errors import Unsupported
from chalicelib.generation import fitness
from chalicelib.generation.breaking import Breaker
from chalicelib.generation.fitness import Offer
from chalicelib.generation.pricing import Load, Prices
from chalicelib.generation.served import AUTO, Route, Served, ServedModel

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ServiceTier
    from chalicelib.generation.wishes import Wish

Health = Mapping[str, Breaker]
"""The breakers of models by name; one that is not there is closed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One model to ask: by which route and service tier, and the most that all items cost.

    `load` is the most that one item uses, as the model is asked. `cost` is in nano-dollars, None
    where the catalogue has no price for the model. `notes` say what else to know of it.
    """

    model: str
    title: str
    tier: int
    route: Route
    service_tier: ServiceTier
    cost: int | None
    notes: tuple[str, ...] = ()
    load: Load = field(default_factory=Load)

    def words(self) -> str:
        """Return the step in plain English."""
        most = "not priced" if self.cost is None else f"at most ${dollars(self.cost):f}"
        how = {"standard": "at once", "flex": "by flex", "batch": "in a batch job"}
        said = (
            f"{self.title} (tier {self.tier}), as {self.route.model_id} in {self.route.region},"
            f" {how[self.service_tier]}: {most}"
        )
        return "; ".join((said, *self.notes)) + "."


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A model that is not asked, and why. `told` is off where that goes without saying: it is for
    something else, or for one kind of thing where others answer, or another was asked for by name.
    """

    model: str
    title: str
    reason: str
    told: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in the order in which they are tried, and who was left out."""

    steps: tuple[Step, ...]
    left_out: tuple[LeftOut, ...]

    def words(self) -> tuple[str, ...]:
        """Return the plan in plain English: a line for each step, and for each reason to tell."""
        tried = tuple(f"{number}. {step.words()}" for number, step in enumerate(self.steps, 1))
        titles: dict[str, list[str]] = {}
        for one in self.left_out:
            if one.told:
                titles.setdefault(one.reason, []).append(one.title)
        why = (f"Left out ({reason}): {', '.join(found)}." for reason, found in titles.items())
        return (*tried, *why)

    def require(self) -> Plan:
        """Return the plan, or raise `Unsupported` with every reason where it has no step."""
        if not self.steps:
            raise Unsupported(f"No model can answer this. {' '.join(self.words())}", field="model")
        return self


def plan(
    wish: Wish, served: Served, prices: Prices, now: datetime, health: Health | None = None
) -> Plan:
    """Return who is asked for `wish`, in order.

    Raises `NotFound` where the wish names a model that is not served.
    """
    health = health or {}
    order = list(served.models.values())
    if wish.model != AUTO:
        order = _named(wish, served)
        wish = replace(wish, model=order[0].name)
    fit: list[tuple[ServedModel, Offer]] = []
    reasons: dict[str, str] = {}
    for model in order:
        found = fitness.offer(wish, model, prices, now, health.get(model.name))
        if isinstance(found, Offer):
            fit.append((model, found))
        else:
            reasons[model.name] = found
    if wish.model == AUTO:
        fit.sort(key=_cheapest_first)
    kept = fit[: _most_steps(wish)]
    for model, _ in fit[len(kept) :]:
        reasons[model.name] = _beyond(wish, kept[0][0])
    steps = tuple(_step(model, found) for model, found in kept)
    asked = {step.model for step in steps}
    left_out = tuple(
        _left_out(wish, model, reasons, found=bool(steps))
        for model in served.models.values()
        if model.name not in asked
    )
    return Plan(steps, left_out)


def _named(wish: Wish, served: Served) -> list[ServedModel]:
    """Return the model that is named, then its fallbacks, theirs after them."""
    order = [served.model(wish.model)]
    if wish.fallback:
        for model in order:
            known = {found.name for found in order}
            order.extend(served.models[name] for name in model.fallbacks if name not in known)
    return order


def _left_out(
    wish: Wish, model: ServedModel, reasons: Mapping[str, str], *, found: bool
) -> LeftOut:
    told = model.task == wish.task and model.name in reasons
    told = told and not (found and model.only and wish.model != model.name)
    return LeftOut(model.name, model.title, reasons.get(model.name, "not asked for"), told)


def _cheapest_first(one: tuple[ServedModel, Offer]) -> tuple[int, int, str]:
    """Return what to order by: the cheapest, the best of those that cost the same."""
    model, offer = one
    assert offer.cost is not None, "who has no price is asked by name only"
    return offer.cost, -model.tier, model.name


def _most_steps(wish: Wish) -> int | None:
    return None if wish.fallback and wish.task != "embedding" else 1


def _beyond(wish: Wish, first: ServedModel) -> str:
    if wish.task == "embedding":
        return f"vectors that can't be compared with those of {first.title}"
    return f"no fallback for {first.title} is wanted"


def _step(model: ServedModel, offer: Offer) -> Step:
    return Step(
        model.name,
        model.title,
        model.tier,
        offer.route,
        offer.service_tier,
        offer.cost,
        offer.notes,
        offer.load,
    )
