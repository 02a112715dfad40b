"""Routes of calls: which models to try, in which order, at what cost, and why. Pure.

A model asked for by name comes first, then its fallbacks. Otherwise the eligible models are tried
from the cheapest on; abilities, limits, regions, health, quality and price decide which are
eligible. A batch job or flex is chosen if the caller has time for it and it is cheaper. Every other
model is an exclusion, with its reason in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Attempt
from chalicelib.contracts.receipts import dollars, nanodollars
from chalicelib.errors import Unsupported
from chalicelib.generation import eligibility
from chalicelib.generation.eligibility import Candidate, Obstacle
from chalicelib.generation.models import AUTO, ModelRoute, ServedModel, ServedModels
from chalicelib.generation.pricing import Prices
from chalicelib.generation.rate_limits.breaker import Breaker
from chalicelib.generation.tokens import TokenLoad

if TYPE_CHECKING:
    from chalicelib.contracts.generations import ServiceTier
    from chalicelib.generation.requirements import Requirements


ModelHealth = Mapping[str, Breaker]
"""The circuit breakers by the name of a model's capacity; a missing one is closed."""


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One model to try: its route and service tier, and the most that all items cost.

    `load` is the most that one item uses of this model. `cost` is in nano-dollars, None if the
    catalogue has no price for the model. `notes` are remarks for the caller. `queue` is the queue
    that the model shares with others, empty if none.
    """

    model: str
    title: str
    tier: int
    route: ModelRoute
    service_tier: ServiceTier
    cost: int | None
    notes: tuple[str, ...] = ()
    load: TokenLoad = field(default_factory=TokenLoad)
    queue: str = ""

    @property
    def capacity(self) -> str:
        """Return the name of the capacity that a call takes: the queue's, or the model's own."""
        return self.queue or self.model

    def describe(self) -> str:
        """Return the step in plain English."""
        price = "not priced" if self.cost is None else f"at most ${dollars(self.cost):f}"
        how = {"standard": "at once", "flex": "by flex", "batch": "in a batch job"}
        sentence = (
            f"{self.title} (tier {self.tier}), as {self.route.model_id} in {self.route.region},"
            f" {how[self.service_tier]}: {price}"
        )
        return "; ".join((sentence, *self.notes)) + "."


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A model that is not tried, and the reason.

    `is_reported` is False if the reason is obvious: the model is for another task and was not asked
    for by name, or for a specialty that others cover, or another model was asked for by name.
    """

    model: str
    title: str
    obstacle: Obstacle
    is_reported: bool = True

    @property
    def reason(self) -> str:
        """Return the reason in words."""
        return self.obstacle.reason


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """The steps in the order in which they are tried, and the models that are not tried."""

    steps: tuple[RouteStep, ...]
    exclusions: tuple[Exclusion, ...]

    def describe(self) -> tuple[str, ...]:
        """Return the plan in plain English: a line for each step, and for each reported reason."""
        tried = tuple(f"{number}. {step.describe()}" for number, step in enumerate(self.steps, 1))
        titles: dict[str, list[str]] = {}
        for exclusion in self.exclusions:
            if exclusion.is_reported:
                titles.setdefault(exclusion.reason, []).append(exclusion.title)
        why = (f"Left out ({reason}): {', '.join(names)}." for reason, names in titles.items())
        return (*tried, *why)

    def require_steps(self) -> RoutePlan:
        """Return the plan, or raise `Unsupported` with every reason if it has no step.

        The error names the field of the call that keeps most models from it, with the most that
        any of them takes; if there is none, the field is `model`.
        """
        if self.steps:
            return self
        obstacles = [each.obstacle for each in self.exclusions if each.is_reported]
        fields = Counter(each.field for each in obstacles if each.field != "model")
        field = fields.most_common(1)[0][0] if fields else "model"
        limits = [each.limit for each in obstacles if each.field == field and each.limit]
        raise Unsupported(
            f"No model can answer this. {' '.join(self.describe())}",
            field=field,
            limit=str(max(limits)) if limits else None,
        )


def plan_route(
    requirements: Requirements,
    models: ServedModels,
    prices: Prices,
    now: datetime,
    health: ModelHealth | None = None,
) -> RoutePlan:
    """Return the models to try for `requirements`, in order, and the exclusions.

    Raises:
        NotFound: `requirements` name a model that is not served.
    """
    health = health or {}
    order = list(models.models.values())
    if requirements.model != AUTO:
        order = _named_models(requirements, models)
        requirements = replace(requirements, model=order[0].name)
    candidates: list[tuple[ServedModel, Candidate]] = []
    obstacles: dict[str, Obstacle] = {}
    for model in order:
        assessment = eligibility.assess_model(
            requirements, model, prices, now, health.get(model.capacity)
        )
        if isinstance(assessment, Candidate):
            candidates.append((model, assessment))
        else:
            obstacles[model.name] = assessment
    if requirements.model == AUTO:
        candidates.sort(key=_cheapest_first)
    chosen = candidates[: _max_steps(requirements)]
    for model, _ in candidates[len(chosen) :]:
        obstacles[model.name] = Obstacle(_surplus_reason(requirements, chosen[0][0]))
    steps = tuple(_step(model, candidate) for model, candidate in chosen)
    tried = {step.model for step in steps}
    exclusions = tuple(
        _exclusion(requirements, model, obstacles, has_steps=bool(steps))
        for model in models.models.values()
        if model.name not in tried
    )
    return RoutePlan(steps, exclusions)


def _named_models(requirements: Requirements, served: ServedModels) -> list[ServedModel]:
    """Return the model that is asked for by name, then its fallbacks, then theirs."""
    order = [served.model(requirements.model)]
    if requirements.fallback:
        for model in order:
            known = {listed.name for listed in order}
            order.extend(served.models[name] for name in model.fallbacks if name not in known)
    return order


def _exclusion(
    requirements: Requirements,
    model: ServedModel,
    obstacles: Mapping[str, Obstacle],
    *,
    has_steps: bool,
) -> Exclusion:
    is_asked_for = requirements.model == model.name or model.task == requirements.task
    is_relevant = is_asked_for and model.name in obstacles
    is_other_specialty = bool(model.specialty) and requirements.model != model.name
    is_reported = is_relevant and not (has_steps and is_other_specialty)
    obstacle = obstacles.get(model.name, Obstacle("not asked for"))
    return Exclusion(model.name, model.title, obstacle, is_reported)


def _cheapest_first(pair: tuple[ServedModel, Candidate]) -> tuple[int, int, str]:
    """Return the sort key: the cheapest first, then the highest tier."""
    model, candidate = pair
    assert candidate.cost is not None, "a model without a price is tried by name only"
    return candidate.cost, -model.tier, model.name


def _max_steps(requirements: Requirements) -> int | None:
    return None if requirements.fallback and requirements.task != "embedding" else 1


def _surplus_reason(requirements: Requirements, first: ServedModel) -> str:
    if requirements.task == "embedding":
        return f"vectors that can't be compared with those of {first.title}"
    return f"no fallback for {first.title} is wanted"


def _step(model: ServedModel, candidate: Candidate) -> RouteStep:
    return RouteStep(
        model.name,
        model.title,
        model.tier,
        candidate.route,
        candidate.service_tier,
        candidate.cost,
        candidate.notes,
        candidate.load,
        model.queue,
    )


@dataclass(frozen=True, slots=True)
class TryModel:
    """Try the model of `step`."""

    step: RouteStep


@dataclass(frozen=True, slots=True)
class AcceptAnswer:
    """Give the answer of `attempt`, which passed every check."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No model is left to try; `reason` says which were tried and how they ended."""

    reason: str


NextMove = TryModel | AcceptAnswer | GiveUp


def next_move(
    plan: RoutePlan,
    attempts: Sequence[Attempt],
    budget: int | None = None,
    busy_queues: Collection[str] = (),
) -> NextMove:
    """Return the next move after `attempts`; `budget` bounds all of them, in nano-dollars.

    A model of one of `busy_queues`, in which an attempt got no answer in time, is not tried: its
    call would wait behind the same calls.
    """
    for attempt in attempts:
        if attempt.outcome == "accepted":
            return AcceptAnswer(attempt)
    remaining = None if budget is None else budget - total_cost(attempts)
    tried = {attempt.model for attempt in attempts}
    min_tier = _min_tier(plan, attempts)
    for step in plan.steps:
        if step.model in tried or step.tier < min_tier or step.queue in busy_queues:
            continue
        if _affordable(step, remaining):
            return TryModel(step)
    return GiveUp(_summary(plan, attempts, min_tier, remaining, busy_queues))


def total_cost(attempts: Sequence[Attempt]) -> int:
    """Return the cost of all attempts, in nano-dollars."""
    return sum(nanodollars(attempt.dollars) for attempt in attempts)


def _min_tier(plan: RoutePlan, attempts: Sequence[Attempt]) -> int:
    """Return the lowest tier worth trying: the highest whose answer failed a check."""
    tiers = {step.model: step.tier for step in plan.steps}
    failed = (attempt.model for attempt in attempts if attempt.outcome == "escalated")
    return max((tiers.get(model, 0) for model in failed), default=0)


def _affordable(step: RouteStep, left: int | None) -> bool:
    return left is None or (step.cost is not None and step.cost <= left)


def _summary(
    plan: RoutePlan,
    attempts: Sequence[Attempt],
    min_tier: int,
    left: int | None,
    busy_queues: Collection[str],
) -> str:
    titles = {step.model: step.title for step in plan.steps}
    clauses = [
        f"{titles.get(attempt.model, attempt.model)} {attempt.outcome}: {attempt.reason}"
        for attempt in attempts
    ]
    tried = {attempt.model for attempt in attempts}
    queued = [step for step in plan.steps if step.queue in busy_queues and step.model not in tried]
    if queued:
        titles_queued = ", ".join(step.title for step in queued)
        clauses.append(f"not asked, as the same queue works off their calls: {titles_queued}")
    for step in plan.steps:
        if step.model in tried or step in queued:
            continue
        if step.tier < min_tier:
            clauses.append(f"{step.title} is of tier {step.tier}, and {min_tier} was not enough")
        elif left is not None:
            clauses.append(f"{step.title} may cost more than the ${dollars(max(0, left)):f} left")
    return "; ".join(clauses) or "the plan has no model"
