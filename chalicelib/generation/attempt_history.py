"""The attempts at one call, their usage and cost, and the error if none was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from chalicelib.contracts.generations import Attempt, Usage
from chalicelib.contracts.http import retry_after, said
from chalicelib.contracts.receipts import ReceiptLine, dollars, nanodollars
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NoAnswer,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.generation.router import total_cost

if TYPE_CHECKING:
    from chalicelib.contracts.generations import GenerationTask, Reply
    from chalicelib.generation.receipts import CostModel
    from chalicelib.generation.router import RoutePlan, RouteStep

_ERROR_ORDER: Sequence[type[HeadraceError]] = (
    Throttled,
    Transient,
    QuotaExceeded,
    ModelFailure,
    Conflict,
    InvalidInput,
    Unsupported,
)
"""Kinds of errors, first those that a retry may overcome: when all models have failed, the error
raised is of the first kind here that any attempt ended with.
"""
NO_USAGE = Usage()
AnswerOutcome = Literal["accepted", "escalated", "failed"]
"""How an attempt ended."""
_Error = TypeVar("_Error", bound=HeadraceError)


@dataclass(slots=True)
class AttemptHistory:
    """The attempts at one call, in order, and the receipt lines of their answers' checks."""

    cost_model: CostModel
    plan: RoutePlan
    task: GenerationTask
    attempts: list[Attempt] = field(default_factory=list)
    errors: list[HeadraceError] = field(default_factory=list)
    check_lines: list[ReceiptLine] = field(default_factory=list)
    busy_queues: set[str] = field(default_factory=set)
    """Queues in which a call got no answer in time."""

    def record_answer(
        self, step: RouteStep, reply: Reply, cost: int, outcome: AnswerOutcome, reason: str
    ) -> None:
        """Add an attempt that the model answered."""
        self.attempts.append(
            Attempt(
                model=step.model,
                answered_by=reply.answered_by,
                outcome=outcome,
                reason=reason,
                usage=reply.usage,
                seconds=reply.seconds,
                dollars=dollars(cost),
            )
        )

    def record_failure(
        self, step: RouteStep, error: HeadraceError, usage: Usage = NO_USAGE, cost: int = 0
    ) -> None:
        """Add an attempt that failed by `error`, described for the caller."""
        self.errors.append(error)
        self.record_abort(step, describe_failure(error), usage, cost, error.seconds)

    def record_abort(
        self, step: RouteStep, reason: str, usage: Usage, cost: int, seconds: float
    ) -> None:
        """Add an attempt that ended without an answer."""
        self.attempts.append(
            Attempt(
                model=step.model,
                outcome="failed",
                reason=reason,
                usage=usage,
                seconds=seconds,
                dollars=dollars(cost),
            )
        )

    def budget_left(self, budget: int | None) -> int | None:
        """Return what is left of a request's own budget in nano-dollars, None if it has none."""
        available = self.budget_for_attempts(budget)
        return None if available is None else available - total_cost(self.attempts)

    def budget_for_attempts(self, budget: int | None) -> int | None:
        """Return the part of `budget` that is left for attempts after the checks of answers."""
        if budget is None:
            return None
        return budget - sum(nanodollars(line.dollars) for line in self.check_lines)

    def total_usage(self) -> Usage | None:
        """Return the usage of all attempts together, None if nothing was used."""
        usages = [attempt.usage for attempt in self.attempts]
        total = Usage(
            tokens_in=sum(usage.tokens_in for usage in usages),
            tokens_out=sum(usage.tokens_out for usage in usages),
            images=sum(usage.images for usage in usages),
            audio_seconds=sum(usage.audio_seconds for usage in usages),
        )
        return None if total == NO_USAGE else total

    def no_answer_error(self, reason: str) -> HeadraceError:
        """Return the error to raise when no model is left to try, with usage and receipt.

        If answers failed their checks, its message says which checks and why.
        """
        if any(attempt.outcome == "escalated" for attempt in self.attempts):
            return self.attach_costs(NoAnswer(f"No answer stands. {self._verdicts()}"))
        for kind in _ERROR_ORDER:
            ended = [error for error in self.errors if isinstance(error, kind)]
            if ended:
                error = kind(
                    f"No model answered. {reason}.",
                    field=ended[0].field,
                    limit=ended[0].limit,
                    retry_after=max(retry_after(error) or 0 for error in ended) or None,
                )
                if isinstance(error, QuotaExceeded):
                    error.of_model = True  # a limit of all models is raised at once
                    error.reserved = any(
                        isinstance(other, QuotaExceeded) and other.reserved for other in ended
                    )
                return self.attach_costs(error)
        return self.attach_costs(HeadraceError(f"No model answered. {reason}."))

    def deadline_error(self) -> Transient:
        """Return the error to raise when the time ran out, with usage and receipt."""
        message = f"No answer came in time. {self._verdicts()}".rstrip()
        return self.attach_costs(Transient(message, retry_after=1))

    def attach_costs(self, error: _Error) -> _Error:
        """Set the usage and receipt of all attempts on `error`, and return it."""
        error.usage = self.total_usage()
        receipt = self.cost_model.receipt(self.plan, self.attempts, self.task, self.check_lines)
        error.receipt = receipt if receipt.lines else None
        return error

    def _verdicts(self) -> str:
        """Return a sentence about each attempt: the failed check, or that it failed."""
        titles = {step.model: step.title for step in self.plan.steps}
        sentences = [
            f"{titles[tried.model]}: {tried.reason if tried.outcome == 'escalated' else 'failed'}."
            for tried in self.attempts
        ]
        return " ".join(sentences)


def describe_failure(error: HeadraceError) -> str:
    """Return the kind and message of an error, as the caller gets them."""
    return f"{type(error).__name__}: {said(error).rstrip('.')}"
