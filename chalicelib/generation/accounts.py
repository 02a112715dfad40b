"""What the attempts at a call cost, as a receipt, and the generation that it goes with. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import (
    Attempt,
    Generation,
    GenerationTask,
    Reply,
    Usage,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine, dollars, nanodollars
from chalicelib.generation.cascading import next_dearer, saving
from chalicelib.generation.catalogue import LAMBDA
from chalicelib.generation.pricing import Load, Prices, charge, estimate, is_priced, offered
from chalicelib.generation.served import BedrockBackend, FunctionBackend, Served

if TYPE_CHECKING:
    from chalicelib.generation.routing import Plan, Step


@dataclass(frozen=True, slots=True)
class Accounts:
    """Prices of models, and what is told of them."""

    served: Served
    prices: Prices

    def charge(self, step: Step, usage: Usage, seconds: float = 0.0) -> int:
        """Return what a call of `step` cost, in nano-dollars; 0 where it has no price."""
        return self._charge(step, usage, seconds) or 0

    def estimate(self, step: Step, load: Load) -> int | None:
        """Return the most that a call of `load` by `step` costs; None where it has no price."""
        model = self.served.models[step.model]
        return estimate(model, load, self._factor(step), self.prices)

    def receipt(
        self,
        plan: Plan,
        attempts: Sequence[Attempt],
        task: GenerationTask,
        beside: Sequence[ReceiptLine] = (),
    ) -> Receipt:
        """Return a line for each attempt that used a model, one for what was used `beside`, as to
        check answers, and what the next dearer would cost.
        """
        accepted = next((one for one in attempts if one.outcome == "accepted"), None)
        dearer = next_dearer(plan, accepted, self._charge) if accepted is not None else None
        return Receipt.of((*self._lines(attempts, task), *beside), dearer)

    def line(
        self, name: str, role: str, answered_by: str, usage: Usage, seconds: float, cost: int
    ) -> ReceiptLine:
        """Return the line of a use of the model called `name`, that cost `cost` nano-dollars."""
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

    def words(self, plan: Plan, attempts: Sequence[Attempt]) -> tuple[str, ...]:
        """Return the plan in words, what became of each attempt, and what the order saved."""
        titles = {name: model.title for name, model in self.served.models.items()}
        told = [
            f"{titles[one.model]} {one.outcome}{f': {one.reason}' if one.reason else ''}."
            for one in attempts
        ]
        saved = saving(plan, attempts, self._charge)
        if saved is not None and saved.saved > 0:
            told.append(
                f"${dollars(saved.saved):f} less than {saved.dearest} alone would have cost."
            )
        return (*plan.words(), *told)

    def generation(
        self,
        generation_id: str,
        created_at: datetime,
        reply: Reply,
        plan: Plan,
        attempts: Sequence[Attempt],
        beside: Sequence[ReceiptLine] = (),
    ) -> Generation:
        """Return the answer that `reply` is, with all that was tried for it, and used `beside`."""
        return Generation(
            generation_id=generation_id,
            created_at=created_at,
            model=reply.model,
            answered_by=reply.answered_by,
            output=reply.output,
            usage=reply.usage,
            attempts=tuple(attempts),
            plan=self.words(plan, attempts),
            receipt=self.receipt(plan, attempts, reply.output.task, beside),
        )

    def _lines(self, attempts: Sequence[Attempt], task: GenerationTask) -> Iterator[ReceiptLine]:
        for one in attempts:
            if one.answered_by or one.dollars:
                cost = nanodollars(one.dollars)
                yield self.line(one.model, task, one.answered_by, one.usage, one.seconds, cost)

    def _priced_as(self, name: str) -> str:
        model = self.served.models[name]
        if not is_priced(model, self.prices):
            return ""
        if isinstance(model.backend, BedrockBackend):
            return model.backend.model_id
        return LAMBDA if isinstance(model.backend, FunctionBackend) else model.name

    def _charge(self, step: Step, usage: Usage, seconds: float = 0.0) -> int | None:
        model = self.served.models[step.model]
        return charge(model, usage, self._factor(step), self.prices, seconds)

    def _factor(self, step: Step) -> Decimal:
        model = self.served.models[step.model]
        return step.route.price_factor * (offered(model, step.service_tier) or Decimal(1))
