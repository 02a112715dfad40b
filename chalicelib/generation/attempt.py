"""One generation while it runs, and the paid calls that it makes: reserve, call, settle."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.budgets.spender import ActualCost, MaxCost, Spender
from chalicelib.contracts.generations import Call, Generation, Reply, Usage
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled, Transient, Unsupported
from chalicelib.generation.attempt_history import NO_USAGE, AttemptHistory
from chalicelib.generation.dependencies import CallContext, ScreeningSession
from chalicelib.generation.router import NextMove, next_move

if TYPE_CHECKING:
    from chalicelib.contracts.budgets import Reservation
    from chalicelib.contracts.screening import Finding
    from chalicelib.generation.check_names import AnswerCheck
    from chalicelib.generation.dependencies import GenerationDeps
    from chalicelib.generation.rate_limits.breaker import ProbeTicket
    from chalicelib.generation.requirements import Requirements
    from chalicelib.generation.router import RoutePlan, RouteStep
    from chalicelib.generation.tokens import TokenLoad

MIN_CALL_SECONDS = 3.0
"""The fewest seconds left with which a further model is called."""
SETTLE_TRIES = 3
"""Tries at settling a cost; the adapter retries each of them."""


@dataclass(slots=True)
class GenerationRun:
    """One call on its way to an answer: its route, the attempts so far, and the last reply.

    Attributes:
        deadline: when an answer is too late, in seconds of `deps.monotonic`; None for never.
        variant: the variant of the named model that has to answer, "" for any.
        screening: the screening of this request, None if nothing is screened.
        input_findings: the findings of the screening in the call.
        output_findings: its findings in the last reply.
        reply: the last reply, as it may be given to the caller.
    """

    deps: GenerationDeps
    call: Call
    spender: Spender
    requirements: Requirements
    plan: RoutePlan
    checks: tuple[AnswerCheck, ...]
    generation_id: str
    began_at: datetime
    deadline: float | None = None
    variant: str = ""
    screening: ScreeningSession | None = None
    input_findings: tuple[Finding, ...] = ()
    output_findings: tuple[Finding, ...] = ()
    history: AttemptHistory = field(init=False)
    reply: Reply | None = None

    def __post_init__(self) -> None:
        """Begin with no attempt."""
        self.history = AttemptHistory(self.deps.cost_model, self.plan, self.call.task)

    def next_move(self) -> NextMove:
        """Return whether to try a model, accept the last answer, or give up."""
        budget = self.history.budget_for_attempts(self.requirements.budget)
        return next_move(self.plan, self.history.attempts, budget, self.history.busy_queues)

    def affords(self, cost: int | None) -> bool:
        """Return whether the request's own budget has room for `cost` nano-dollars more."""
        remaining = self.history.budget_left(self.requirements.budget)
        return remaining is None or (cost is not None and cost <= remaining)

    def seconds_left(self) -> float | None:
        """Return how many seconds an answer may still take, None if there is no deadline."""
        return None if self.deadline is None else self.deadline - self.deps.monotonic()

    def has_time(self, min_seconds: float = MIN_CALL_SECONDS) -> bool:
        """Return whether `min_seconds` are left."""
        remaining = self.seconds_left()
        return remaining is None or remaining >= min_seconds

    def context(self, step: RouteStep) -> CallContext:
        """Return the context to send with a call of `step`."""
        named = step.model == self.requirements.model
        return CallContext(
            self.spender.tenant,
            self.spender.correlation_id,
            step.service_tier,
            self.seconds_left(),
            self.spender.caller_hash,
            self.variant if named else "",
        )

    def try_reserve(self, step: RouteStep, load: TokenLoad, cost: int | None) -> ModelCall | None:
        """Reserve a call as `reserve` does; if that fails, record the reason and return None.

        Raises:
            QuotaExceeded: a budget in dollars is used up; a dearer model would not fit either.
            NotFound: there is no such tenant.
        """
        try:
            return self.reserve(step, load, cost)
        except (Throttled, Transient, Unsupported) as error:
            self._record_error(step, error)
            return None
        except QuotaExceeded as error:
            if not error.of_model:
                self.history.attach_costs(error)
                raise
            self._record_error(step, error)
            return None

    def reserve(self, step: RouteStep, load: TokenLoad, cost: int | None) -> ModelCall:
        """Reserve the maximum `cost` of a call of `load`, and wait for the tenant's turn.

        Raises what `Budgets.reserve` and `CallGuard.admit` raise; nothing stays reserved then.
        """
        maximum = MaxCost(cost, load.tokens_in + load.tokens_out)
        reservation = self.deps.budgets.reserve(self.spender, step.model, maximum)
        model_call = ModelCall(self.deps, step, load, reservation, self.spender.tenant, None)
        try:
            model_call.ticket = self.deps.guard.admit(step.capacity, self.spender.tenant)
        except BaseException:
            model_call.release_reservation()
            raise
        return model_call

    def record_failure(
        self, model_call: ModelCall, error: HeadraceError, usage: Usage | None = None
    ) -> None:
        """Settle a call that failed, or broke off after `usage`, and record the attempt."""
        used, cost = model_call.settle_failure(error, usage)
        if model_call.step.queue and _waits_in_queue(error):
            self.history.busy_queues.add(model_call.step.queue)
        self._record_error(model_call.step, error, used, cost)

    def time_out(self, model_call: ModelCall, usage: Usage, seconds: float) -> Transient:
        """Settle an answer that was not complete in time; return the error to raise."""
        cost = model_call.settle(usage, seconds=seconds)
        self.history.record_abort(model_call.step, "the time ran out", usage, cost, seconds)
        return self.history.deadline_error()

    def generation(self) -> Generation:
        """Return the accepted answer with its receipt and all attempts."""
        assert self.reply is not None, "an accepted attempt has left its reply"
        generation = self.deps.cost_model.build_generation(
            self.generation_id,
            self.began_at,
            self.reply,
            self.plan,
            self.history.attempts,
            self.history.check_lines,
        )
        findings = (*self.input_findings, *self.output_findings)
        return generation.model_copy(update={"findings": findings}) if findings else generation

    def _record_error(
        self, step: RouteStep, error: HeadraceError, usage: Usage = NO_USAGE, cost: int = 0
    ) -> None:
        """Record that an attempt failed; log the details that the caller does not get."""
        self.deps.on_error(error)
        self.history.record_failure(step, error, usage, cost)


def _waits_in_queue(error: HeadraceError) -> bool:
    """Return whether a further call of the same queue would wait behind this one.

    The queue said when to come again, or the call may still be worked on. A failure that passes
    otherwise, such as that of one model of a server, says nothing of the others.
    """
    if not isinstance(error, Throttled | Transient):
        return False
    return error.retry_after is not None or error.unaccounted


@dataclass(slots=True)
class ModelCall:
    """One call to one model, paid for in advance.

    Attributes:
        load: the most that the call can use.
        reservation: the maximum cost, taken off the budgets.
        ticket: what the guard admitted the call with, given back when the call ends.
        ended: whether the call was settled or released.
    """

    deps: GenerationDeps
    step: RouteStep
    load: TokenLoad
    reservation: Reservation
    tenant: str
    ticket: ProbeTicket
    ended: bool = False

    @contextmanager
    def charge_if_aborted(self) -> Iterator[None]:
        """Charge the whole reservation if the block is left by an unforeseen exception."""
        try:
            yield
        except BaseException as error:
            if not self.ended:
                self.settle_whole(HeadraceError(f"A call broke off: {type(error).__name__}."))
            raise

    def settle(self, usage: Usage, error: HeadraceError | None = None, seconds: float = 0.0) -> int:
        """Charge what was used, and return its cost in nano-dollars."""
        self._end(error)
        cost = self.deps.cost_model.actual_cost(self.step, usage, seconds)
        self._settle(ActualCost(cost, usage.tokens_in, usage.tokens_out, usage.images))
        return cost

    def settle_failure(self, error: HeadraceError, usage: Usage | None = None) -> tuple[Usage, int]:
        """Charge a call that failed by `error`; return its usage and cost in nano-dollars.

        Without `usage` the error says what was used: nothing, its own usage, or the whole
        reservation if the usage is unknown.
        """
        if usage is None and error.unaccounted:
            return self.settle_whole(error)
        used = usage if usage is not None else error.usage
        if used is not None or error.seconds:
            return used or NO_USAGE, self.settle(used or NO_USAGE, error, error.seconds)
        self._end(error)
        self.release_reservation()
        return NO_USAGE, 0

    def settle_whole(self, error: HeadraceError) -> tuple[Usage, int]:
        """Charge the whole reservation, as the call may have been billed whole; return it."""
        self._end(error)
        load, cost = self.load, self.reservation.nanodollars
        usage = Usage(
            tokens_in=load.tokens_in,
            tokens_out=load.tokens_out,
            images=load.images,
            audio_seconds=load.audio_seconds,
        )
        self._settle(ActualCost(cost, load.tokens_in, load.tokens_out, load.images))
        return usage, cost

    def release_reservation(self) -> None:
        """Give the reservation back; one that cannot be given back expires by itself."""
        try:
            self.deps.budgets.release(self.reservation)
        except HeadraceError as error:
            self.deps.on_error(error)

    def _end(self, error: HeadraceError | None) -> None:
        """Tell the guard that the call ended, by `error` if it failed."""
        self.ended = True
        self.deps.guard.record_end(self.step.capacity, self.tenant, error, self.ticket)

    def _settle(self, cost: ActualCost) -> None:
        """Settle the reservation; the answer is given even if its cost cannot be counted."""
        for tries_left in reversed(range(SETTLE_TRIES)):
            try:
                self.deps.budgets.settle(self.reservation, cost)
            except HeadraceError as error:
                if not tries_left:
                    self.deps.on_error(error)
            else:
                return
