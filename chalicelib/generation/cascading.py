"""Cheapest first: what is next, given a plan and what was tried, and what that saved. Pure.

An answer that fails a check goes on to the next model that is no worse by its tier: a model's own
answer to the same question again would fail again. After an error any model that is left will do.
FrugalGPT (Chen, Zaharia and Zou, 2023, arXiv:2305.05176) calls this an LLM cascade.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.contracts.generations import Attempt, Usage
from chalicelib.contracts.receipts import NextDearer, dollars, nanodollars
from chalicelib.generation.routing import Plan, Step

Charge = Callable[[Step, Usage], "int | None"]
"""What a call of a step that uses so much costs, in nano-dollars; None where it is not priced."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the model of `step`."""

    step: Step


@dataclass(frozen=True, slots=True)
class Accept:
    """Give the answer of `attempt`, which stood every check."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Nobody is left to ask; `reason` says who was asked and what became of it."""

    reason: str


Move = Ask | Accept | GiveUp


@dataclass(frozen=True, slots=True)
class Saving:
    """What was spent on all attempts, and what the plan's dearest model alone would have cost for
    the tokens that the accepted answer took, in nano-dollars. Tokenizers differ: it is an estimate.
    """

    dearest: str
    alone: int
    spent: int

    @property
    def saved(self) -> int:
        """Return how much less was spent; below 0 where attempts cost more."""
        return self.alone - self.spent


def next_move(plan: Plan, attempts: Sequence[Attempt], budget: int | None = None) -> Move:
    """Return what is next after `attempts`; `budget` bounds all of them, in nano-dollars."""
    for attempt in attempts:
        if attempt.outcome == "accepted":
            return Accept(attempt)
    left = None if budget is None else budget - spent(attempts)
    tried = {attempt.model for attempt in attempts}
    least = _least_tier(plan, attempts)
    for step in plan.steps:
        if step.model not in tried and step.tier >= least and _affordable(step, left):
            return Ask(step)
    return GiveUp(_summary(plan, attempts, least, left))


def spent(attempts: Sequence[Attempt]) -> int:
    """Return what attempts cost together, in nano-dollars."""
    return sum(nanodollars(attempt.dollars) for attempt in attempts)


def saving(plan: Plan, attempts: Sequence[Attempt], charge: Charge) -> Saving | None:
    """Return what asking the cheapest first saved, or None where nothing was accepted or priced."""
    accepted = next((one for one in attempts if one.outcome == "accepted"), None)
    priced = [step for step in plan.steps if step.cost is not None]
    if accepted is None or not priced:
        return None
    dearest = max(priced, key=lambda step: step.cost or 0)
    alone = charge(dearest, accepted.usage)
    return None if alone is None else Saving(dearest.title, alone, spent(attempts))


def next_dearer(plan: Plan, accepted: Attempt, charge: Charge) -> NextDearer | None:
    """Return which step of the plan comes after the accepted one, and its price for the same usage.

    None where the accepted one is the last, or the next is not priced.
    """
    names = [step.model for step in plan.steps]
    following = plan.steps[names.index(accepted.model) + 1 :] if accepted.model in names else ()
    for step in following:
        cost = charge(step, accepted.usage)
        if cost is not None:
            return NextDearer(path=f"{step.title} by {step.route.model_id}", dollars=dollars(cost))
    return None


def _least_tier(plan: Plan, attempts: Sequence[Attempt]) -> int:
    """Return the tier that an answer now needs: the best of those whose answers failed a check."""
    tiers = {step.model: step.tier for step in plan.steps}
    failed = (attempt.model for attempt in attempts if attempt.outcome == "escalated")
    return max((tiers.get(model, 0) for model in failed), default=0)


def _affordable(step: Step, left: int | None) -> bool:
    return left is None or (step.cost is not None and step.cost <= left)


def _summary(plan: Plan, attempts: Sequence[Attempt], least: int, left: int | None) -> str:
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
