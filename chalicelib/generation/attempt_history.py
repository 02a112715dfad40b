"""What was tried for a call: every attempt with what it used and cost, and what is told of it where
there is no answer.
"""

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

_TOLD_AS: Sequence[type[HeadraceError]] = (
    Throttled,
    Transient,
    QuotaExceeded,
    ModelFailure,
    Conflict,
    InvalidInput,
    Unsupported,
)
"""What giving up is told as: the first of these that an attempt ended by, since who asks again
later may well be answered.
"""
NO_USAGE = Usage()
AnswerOutcome = Literal["accepted", "escalated", "failed"]
"""What becomes of an answer."""
_Error = TypeVar("_Error", bound=HeadraceError)


@dataclass(slots=True)
class AttemptHistory:
    """The attempts at one call, in order. `judged` is what it cost to check answers."""

    accounts: CostModel
    plan: RoutePlan
    task: GenerationTask
    attempts: list[Attempt] = field(default_factory=list)
    errors: list[HeadraceError] = field(default_factory=list)
    check_lines: list[ReceiptLine] = field(default_factory=list)

    def record_answer(
        self, step: RouteStep, reply: Reply, cost: int, outcome: AnswerOutcome, reason: str
    ) -> None:
        """Add an attempt that was answered."""
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
        """Add an attempt that failed, in words for the caller."""
        self.errors.append(error)
        self.record_abort(step, describe_failure(error), usage, cost, error.seconds)

    def record_abort(
        self, step: RouteStep, reason: str, usage: Usage, cost: int, seconds: float
    ) -> None:
        """Add an attempt that ended before it had an answer."""
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

    def left_of(self, budget: int | None) -> int | None:
        """Return what is left of a request's own budget in nano-dollars, None where it has none."""
        whole = self.for_attempts(budget)
        return None if whole is None else whole - total_cost(self.attempts)

    def for_attempts(self, budget: int | None) -> int | None:
        """Return what all attempts may cost: what the request has beside the checks of answers."""
        if budget is None:
            return None
        return budget - sum(nanodollars(line.dollars) for line in self.check_lines)

    def total_usage(self) -> Usage | None:
        """Return what all attempts used together, None where it was nothing."""
        each = [one.usage for one in self.attempts]
        total = Usage(
            tokens_in=sum(one.tokens_in for one in each),
            tokens_out=sum(one.tokens_out for one in each),
            images=sum(one.images for one in each),
        )
        return None if total == NO_USAGE else total

    def no_answer_error(self, reason: str) -> HeadraceError:
        """Return the error that tells of no answer, and what was used for it.

        Where answers failed their checks it says so in words for the caller.
        """
        if any(one.outcome == "escalated" for one in self.attempts):
            return self.attach_costs(NoAnswer(f"No answer stands. {self._verdicts()}"))
        for kind in _TOLD_AS:
            ended = [error for error in self.errors if isinstance(error, kind)]
            if ended:
                error = kind(
                    f"No model answered. {reason}.",
                    field=ended[0].field,
                    limit=ended[0].limit,
                    retry_after=max(retry_after(error) or 0 for error in ended) or None,
                )
                if isinstance(error, QuotaExceeded):
                    error.of_model = True  # one of all models is raised where it is met
                    error.reserved = any(
                        isinstance(each, QuotaExceeded) and each.reserved for each in ended
                    )
                return self.attach_costs(error)
        return self.attach_costs(HeadraceError(f"No model answered. {reason}."))

    def deadline_error(self) -> Transient:
        """Return the error that tells of no time left, and of what was tried."""
        message = f"No answer came in time. {self._verdicts()}".rstrip()
        return self.attach_costs(Transient(message, retry_after=1))

    def attach_costs(self, error: _Error) -> _Error:
        """Return `error`, which tells what all attempts used and cost."""
        error.usage = self.total_usage()
        receipt = self.accounts.receipt(self.plan, self.attempts, self.task, self.check_lines)
        error.receipt = receipt if receipt.lines else None
        return error

    def _verdicts(self) -> str:
        titles = {step.model: step.title for step in self.plan.steps}
        each = [
            f"{titles[one.model]}: {one.reason if one.outcome == 'escalated' else 'failed'}."
            for one in self.attempts
        ]
        return " ".join(each)


def describe_failure(error: HeadraceError) -> str:
    """Return in words for the caller what an attempt failed by."""
    return f"{type(error).__name__}: {said(error).rstrip('.')}"
