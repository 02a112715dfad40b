"""Which models are asked for a call, in which order, what it may cost, and why. Pure.

Who is asked for by name comes first, then its fallbacks. Otherwise it is the cheapest that suffices
by what one knows before: abilities, limits, where it can be called from, how it is, quality, price.
A batch job or flex is chosen where the caller has room for it and it is cheaper. Every model that
is not in the plan is left out for a reason, which the plan gives in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Attempt
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import Unsupported
from chalicelib.generation import eligibility
from chalicelib.generation.eligibility import Candidate
from chalicelib.generation.models import AUTO, ModelRoute, ServedModel, ServedModels
from chalicelib.generation.pricing import Prices
from chalicelib.generation.rate_limits.breaker import Breaker
from chalicelib.generation.tokens import TokenLoad

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ServiceTier
    from chalicelib.generation.requirements import Requirements


ModelHealth = Mapping[str, Breaker]
"""The breakers of models by name; one that is not there is closed."""


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One model to ask: by which route and service tier, and the most that all items cost.

    `load` is the most that one item uses, as the model is asked. `cost` is in nano-dollars, None
    where the catalogue has no price for the model. `notes` say what else to know of it.
    """

    model: str
    title: str
    tier: int
    route: ModelRoute
    service_tier: ServiceTier
    cost: int | None
    notes: tuple[str, ...] = ()
    load: TokenLoad = field(default_factory=TokenLoad)

    def describe(self) -> str:
        """Return the step in plain English."""
        most = "not priced" if self.cost is None else f"at most ${dollars(self.cost):f}"
        how = {"standard": "at once", "flex": "by flex", "batch": "in a batch job"}
        said = (
            f"{self.title} (tier {self.tier}), as {self.route.model_id} in {self.route.region},"
            f" {how[self.service_tier]}: {most}"
        )
        return "; ".join((said, *self.notes)) + "."


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A model that is not asked, and why. `told` is off where that goes without saying: it is for
    something else, or for one kind of thing where others answer, or another was asked for by name.
    """

    model: str
    title: str
    reason: str
    is_reported: bool = True


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """Steps in the order in which they are tried, and who was left out."""

    steps: tuple[RouteStep, ...]
    exclusions: tuple[Exclusion, ...]

    def describe(self) -> tuple[str, ...]:
        """Return the plan in plain English: a line for each step, and for each reason to tell."""
        tried = tuple(f"{number}. {step.describe()}" for number, step in enumerate(self.steps, 1))
        titles: dict[str, list[str]] = {}
        for one in self.exclusions:
            if one.is_reported:
                titles.setdefault(one.reason, []).append(one.title)
        why = (f"Left out ({reason}): {', '.join(found)}." for reason, found in titles.items())
        return (*tried, *why)

    def require_steps(self) -> RoutePlan:
        """Return the plan, or raise `Unsupported` with every reason where it has no step."""
        if not self.steps:
            raise Unsupported(
                f"No model can answer this. {' '.join(self.describe())}", field="model"
            )
        return self


def plan_route(
    requirements: Requirements,
    models: ServedModels,
    prices: Prices,
    now: datetime,
    health: ModelHealth | None = None,
) -> RoutePlan:
    """Return who is asked for `requirements`, in order.

    Raises `NotFound` where the wish names a model that is not served.
    """
    health = health or {}
    order = list(models.models.values())
    if requirements.model != AUTO:
        order = _named(requirements, models)
        requirements = replace(requirements, model=order[0].name)
    fit: list[tuple[ServedModel, Candidate]] = []
    reasons: dict[str, str] = {}
    for model in order:
        found = eligibility.assess_model(requirements, model, prices, now, health.get(model.name))
        if isinstance(found, Candidate):
            fit.append((model, found))
        else:
            reasons[model.name] = found
    if requirements.model == AUTO:
        fit.sort(key=_cheapest_first)
    kept = fit[: _most_steps(requirements)]
    for model, _ in fit[len(kept) :]:
        reasons[model.name] = _beyond(requirements, kept[0][0])
    steps = tuple(_step(model, found) for model, found in kept)
    asked = {step.model for step in steps}
    left_out = tuple(
        _left_out(requirements, model, reasons, found=bool(steps))
        for model in models.models.values()
        if model.name not in asked
    )
    return RoutePlan(steps, left_out)


def _named(wish: Requirements, served: ServedModels) -> list[ServedModel]:
    """Return the model that is named, then its fallbacks, theirs after them."""
    order = [served.model(wish.model)]
    if wish.fallback:
        for model in order:
            known = {found.name for found in order}
            order.extend(served.models[name] for name in model.fallbacks if name not in known)
    return order


def _left_out(
    wish: Requirements, model: ServedModel, reasons: Mapping[str, str], *, found: bool
) -> Exclusion:
    told = model.task == wish.task and model.name in reasons
    told = told and not (found and model.specialty and wish.model != model.name)
    return Exclusion(model.name, model.title, reasons.get(model.name, "not asked for"), told)


def _cheapest_first(one: tuple[ServedModel, Candidate]) -> tuple[int, int, str]:
    """Return what to order by: the cheapest, the best of those that cost the same."""
    model, offer = one
    assert offer.cost is not None, "who has no price is asked by name only"
    return offer.cost, -model.tier, model.name


def _most_steps(wish: Requirements) -> int | None:
    return None if wish.fallback and wish.task != "embedding" else 1


def _beyond(wish: Requirements, first: ServedModel) -> str:
    if wish.task == "embedding":
        return f"vectors that can't be compared with those of {first.title}"
    return f"no fallback for {first.title} is wanted"


def _step(model: ServedModel, offer: Candidate) -> RouteStep:
    return RouteStep(
        model.name,
        model.title,
        model.tier,
        offer.route,
        offer.service_tier,
        offer.cost,
        offer.notes,
        offer.load,
    )


@dataclass(frozen=True, slots=True)
class TryModel:
    """Ask the model of `step`."""

    step: RouteStep


@dataclass(frozen=True, slots=True)
class AcceptAnswer:
    """Give the answer of `attempt`, which stood every check."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody is left to ask; `reason` says who was asked and what became of it."""

    reason: str


NextMove = TryModel | AcceptAnswer | GiveUp


def next_move(plan: RoutePlan, attempts: Sequence[Attempt], budget: int | None = None) -> NextMove:
    """Return what is next after `attempts`; `budget` bounds all of them, in nano-dollars."""
    for attempt in attempts:
        if attempt.outcome == "accepted":
            return AcceptAnswer(attempt)
    left = None if budget is None else budget - total_cost(attempts)
    tried = {attempt.model for attempt in attempts}
    least = _least_tier(plan, attempts)
    for step in plan.steps:
        if step.model not in tried and step.tier >= least and _affordable(step, left):
            return TryModel(step)
    return GiveUp(_summary(plan, attempts, least, left))


def total_cost(attempts: Sequence[Attempt]) -> int:
    """Return what attempts cost together, in nano-dollars."""
    return sum(nanodollars(attempt.dollars) for attempt in attempts)


def _least_tier(plan: RoutePlan, attempts: Sequence[Attempt]) -> int:
    """Return the tier that an answer now needs: the best of those whose answers failed a check."""
    tiers = {step.model: step.tier for step in plan.steps}
    failed = (attempt.model for attempt in attempts if attempt.outcome == "escalated")
    return max((tiers.get(model, 0) for model in failed), default=0)


def _affordable(step: RouteStep, left: int | None) -> bool:
    return left is None or (step.cost is not None and step.cost <= left)


def _summary(plan: RoutePlan, attempts: Sequence[Attempt], least: int, left: int | None) -> str:
    titles = {step.model: step.title for step in plan.steps}
    said = [
        f"{titles.get(attempt.model, attempt.model)} {attempt.outcome}: {attempt.reason}"
        for attempt in attempts
    ]
    tried = {attempt.model for attempt in attempts}
    for step in plan.steps:
        if step.model in tried:
            continue
        if step.tier < least:
            said.append(f"{step.title} is of tier {step.tier}, and {least} was not enough")
        elif left is not None:
            said.append(f"{step.title} may cost more than the ${dollars(max(0, left)):f} left")
    return "; ".join(said) or "the plan has no model"
