"""Receipts of the attempts at a call, and the generation that they belong to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from chalicelib.contracts.generations import Attempt, Generation, GenerationTask, Reply, Usage
from chalicelib.contracts.receipts import NextDearer, Receipt, ReceiptLine, dollars, nanodollars
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.generation.models import BedrockBackend, FunctionBackend, ServedModels
from chalicelib.generation.pricing import (
    Prices,
    actual_cost,
    is_priced,
    max_cost,
    service_tier_factor,
)
from chalicelib.generation.router import RoutePlan, RouteStep, total_cost
from chalicelib.generation.tokens import TokenLoad


@dataclass(frozen=True, slots=True)
class CostModel:
    """Applies prices to usage: costs, receipts, and explanations."""

    models: ServedModels
    prices: Prices

    def actual_cost(self, step: RouteStep, usage: Usage, seconds: float = 0.0) -> int:
        """Return the cost of a call of `step`, in nano-dollars; 0 if it has no price."""
        return self._charge(step, usage, seconds) or 0

    def max_cost(self, step: RouteStep, load: TokenLoad) -> int | None:
        """Return the most that a call of `load` by `step` costs; None if it has no price."""
        model = self.models.models[step.model]
        return max_cost(model, load, self._factor(step), self.prices)

    def receipt(
        self,
        plan: RoutePlan,
        attempts: Sequence[Attempt],
        task: GenerationTask,
        beside: Sequence[ReceiptLine] = (),
    ) -> Receipt:
        """Return the receipt of a call: a line for each attempt that used a model.

        `beside` are further lines, such as those of checks. The receipt also says what the next
        dearer model would have cost.
        """
        accepted = next((attempt for attempt in attempts if attempt.outcome == "accepted"), None)
        dearer = next_dearer(plan, accepted, self._charge) if accepted is not None else None
        return Receipt.of((*self._lines(attempts, task), *beside), dearer)

    def receipt_line(
        self, name: str, role: str, answered_by: str, usage: Usage, seconds: float, cost: int
    ) -> ReceiptLine:
        """Return the receipt line of a use of the model `name` that cost `cost` nano-dollars."""
        return ReceiptLine(
            model=answered_by or name,
            priced_as=self._priced_as(name),
            role=role,
            tokens_in=usage.tokens_in,
            tokens_out=usage.tokens_out,
            images=usage.images,
            seconds=seconds,
            dollars=dollars(cost),
        )

    def describe(self, plan: RoutePlan, attempts: Sequence[Attempt]) -> tuple[str, ...]:
        """Return the plan in words, the outcome of each attempt, and what the order saved."""
        titles = {name: model.title for name, model in self.models.models.items()}
        outcomes = [
            f"{titles[tried.model]} {tried.outcome}{f': {tried.reason}' if tried.reason else ''}."
            for tried in attempts
        ]
        saved = cascade_saving(plan, attempts, self._charge)
        if saved is not None and saved.saved > 0:
            outcomes.append(
                f"${dollars(saved.saved):f} less than {saved.dearest_title} alone would have cost."
            )
        return (*plan.describe(), *outcomes)

    def build_generation(
        self,
        generation_id: str,
        created_at: datetime,
        reply: Reply,
        plan: RoutePlan,
        attempts: Sequence[Attempt],
        beside: Sequence[ReceiptLine] = (),
    ) -> Generation:
        """Return the generation of `reply`, with its route, all attempts, and `beside`."""
        return Generation(
            generation_id=generation_id,
            created_at=created_at,
            model=reply.model,
            answered_by=reply.answered_by,
            output=reply.output,
            usage=reply.usage,
            attempts=tuple(attempts),
            plan=self.describe(plan, attempts),
            receipt=self.receipt(plan, attempts, reply.output.task, beside),
        )

    def _lines(self, attempts: Sequence[Attempt], task: GenerationTask) -> Iterator[ReceiptLine]:
        for attempt in attempts:
            if attempt.answered_by or attempt.dollars:
                cost = nanodollars(attempt.dollars)
                yield self.receipt_line(
                    attempt.model, task, attempt.answered_by, attempt.usage, attempt.seconds, cost
                )

    def _priced_as(self, name: str) -> str:
        model = self.models.models[name]
        if not is_priced(model, self.prices):
            return ""
        if isinstance(model.backend, BedrockBackend):
            return model.backend.model_id
        return LAMBDA if isinstance(model.backend, FunctionBackend) else model.name

    def _charge(self, step: RouteStep, usage: Usage, seconds: float = 0.0) -> int | None:
        model = self.models.models[step.model]
        return actual_cost(model, usage, self._factor(step), self.prices, seconds)

    def _factor(self, step: RouteStep) -> Decimal:
        model = self.models.models[step.model]
        return step.route.price_factor * (
            service_tier_factor(model, step.service_tier) or Decimal(1)
        )


StepCost = Callable[[RouteStep, Usage], "int | None"]
"""Returns the cost of a call of a step in nano-dollars, None if it is not priced."""


@dataclass(frozen=True, slots=True)
class CascadeSaving:
    """The cost of all attempts, beside that of the plan's dearest model alone.

    `dearest_cost` is for the tokens that the accepted answer took, in nano-dollars. It is an
    estimate, since tokenizers differ.
    """

    dearest_title: str
    dearest_cost: int
    spent: int

    @property
    def saved(self) -> int:
        """Return how much less was spent; below 0 if the attempts cost more."""
        return self.dearest_cost - self.spent


def cascade_saving(
    plan: RoutePlan, attempts: Sequence[Attempt], charge: StepCost
) -> CascadeSaving | None:
    """Return what trying the cheapest first saved, None if nothing was accepted or priced."""
    accepted = next((attempt for attempt in attempts if attempt.outcome == "accepted"), None)
    priced = [step for step in plan.steps if step.cost is not None]
    if accepted is None or not priced:
        return None
    dearest = max(priced, key=lambda step: step.cost or 0)
    alone = charge(dearest, accepted.usage)
    return None if alone is None else CascadeSaving(dearest.title, alone, total_cost(attempts))


def next_dearer(plan: RoutePlan, accepted: Attempt, charge: StepCost) -> NextDearer | None:
    """Return the step of the plan after the accepted one, and its price for the same usage.

    None if the accepted one is the last, or the next is not priced.
    """
    names = [step.model for step in plan.steps]
    following = plan.steps[names.index(accepted.model) + 1 :] if accepted.model in names else ()
    for step in following:
        cost = charge(step, accepted.usage)
        if cost is not None:
            return NextDearer(path=f"{step.title} by {step.route.model_id}", dollars=dollars(cost))
    return None
