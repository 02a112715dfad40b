"""One call on its way to an answer: who is asked next, what is taken off the budgets for it, and
whether the answer stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.budgets.spending import MaxCost, Spender
from chalicelib.contracts.generations import Call, ChatOutput, Generation, Reply, Usage
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled, Transient, Unsupported
from chalicelib.generation import checks
from chalicelib.generation.attempt import ModelCall
from chalicelib.generation.attempt_history import (
    NO_USAGE,
    AnswerOutcome,
    AttemptHistory,
    describe_failure,
)
from chalicelib.generation.checks import CheckVerdict
from chalicelib.generation.dependencies import CallContext, ScreeningSession
from chalicelib.generation.router import NextMove, next_move
from chalicelib.generation.self_check import SelfCheck

if TYPE_CHECKING:
    from chalicelib.contracts.screening import Finding
    from chalicelib.generation.checks import AnswerCheck
    from chalicelib.generation.dependencies import GenerationDeps
    from chalicelib.generation.requirements import Requirements
    from chalicelib.generation.router import RoutePlan, RouteStep
    from chalicelib.generation.tokens import TokenLoad

LEAST_SECONDS = 3.0
"""Where less than this is left, no further model is asked."""


@dataclass(slots=True)
class Trial:
    """A call with its plan and what was tried so far; `reply` is the last answer.

    `until` is when an answer comes too late, in seconds by the stage's clock. `screened` is what
    the request is held to, `findings` what was found in its input, and `findings_out` in the last
    answer.
    """

    stage: GenerationDeps
    call: Call
    spender: Spender
    wish: Requirements
    plan: RoutePlan
    checks: tuple[AnswerCheck, ...]
    generation_id: str
    began: datetime
    until: float | None = None
    screened: ScreeningSession | None = None
    findings: tuple[Finding, ...] = ()
    findings_out: tuple[Finding, ...] = ()
    tried: AttemptHistory = field(init=False)
    reply: Reply | None = None

    def __post_init__(self) -> None:
        """Begin with no attempt."""
        self.tried = AttemptHistory(self.stage.cost_model, self.plan, self.call.task)

    def next(self) -> NextMove:
        """Return what is next."""
        return next_move(self.plan, self.tried.attempts, self.tried.for_attempts(self.wish.budget))

    def affords(self, cost: int | None) -> bool:
        """Tell whether the request's own budget has room for a call that costs `cost` at most."""
        left = self.tried.left_of(self.wish.budget)
        return left is None or (cost is not None and cost <= left)

    def seconds(self) -> float | None:
        """Return how long an answer may still take, None where nobody counts."""
        return None if self.until is None else self.until - self.stage.monotonic()

    def has_time(self, least: float = LEAST_SECONDS) -> bool:
        """Tell whether there is time for a call."""
        left = self.seconds()
        return left is None or left >= least

    def entered(self, step: RouteStep, load: TokenLoad, cost: int | None) -> ModelCall | None:
        """Take `cost`, the most that a call of `load` can cost, off the budgets, and wait for a
        turn to ask the model of `step`.

        Return None where there is no room or no turn in time, which is noted.

        Raises:
            QuotaExceeded: a budget in dollars is used up; what is dearer would not fit either.
            NotFound: there is no such tenant.
        """
        try:
            return self.turn(step, load, MaxCost(cost, load.tokens_in + load.tokens_out))
        except (Throttled, Transient, Unsupported) as error:
            self._note(step, error)
            return None
        except QuotaExceeded as error:
            if not error.of_model:
                self.tried.attach_costs(error)
                raise
            self._note(step, error)
            return None

    def turn(self, step: RouteStep, load: TokenLoad, most: MaxCost) -> ModelCall:
        """Take `most` off the budgets, and wait for a turn; raises what is in the way of either."""
        reserved = self.stage.budgets.reserve(self.spender, step.model, most)
        turn = ModelCall(self.stage, step, load, reserved, None)
        try:
            turn.ticket = self.stage.guard.admit(step.model, self.spender.tenant)
        except BaseException:
            turn.give_back()
            raise
        return turn

    def answer(self, turn: ModelCall, reply: Reply) -> CheckVerdict:
        """Count what an answer cost, and return whether it stands.

        Raises what a check or the screen raises, with what all attempts cost.
        """
        cost = turn.settle(reply.usage, seconds=reply.seconds)
        try:
            verdict, self.reply = self._judged(turn.step, reply, cost)
        except HeadraceError as error:
            self.stage.on_error(error)
            self.tried.record_answer(turn.step, reply, cost, "failed", describe_failure(error))
            self.tried.attach_costs(error)
            raise
        outcome: AnswerOutcome = "accepted" if verdict.passed else "escalated"
        self.tried.record_answer(turn.step, reply, cost, outcome, verdict.reason)
        return verdict

    def _judged(self, step: RouteStep, reply: Reply, cost: int) -> tuple[CheckVerdict, Reply]:
        """Return whether an answer stands, and the answer as it may be given."""
        verdict = self._checked(reply, SelfCheck(self, step, cost))
        self.tried.check_lines += verdict.lines
        return self._screened(verdict, reply) if verdict.passed else (verdict, reply)

    def _checked(self, reply: Reply, own: SelfCheck) -> CheckVerdict:
        """Return whether an answer stands its checks.

        JSON that was cut off is none, and a dearer model would be cut off at the same place: it is
        given as it is, and says so.
        """
        output, judges = reply.output, {**self.stage.judges, checks.SELF_CHECK: own}
        if not isinstance(output, ChatOutput) or output.finish != "length":
            return checks.run_checks(self.checks, self.call, output, judges)
        due = [check for check in self.checks if check.kind not in checks.JSON_KINDS]
        verdict = checks.run_checks(due, self.call, output, judges)
        return replace(verdict, reason="it was cut off") if verdict.passed else verdict

    def _screened(self, passed: CheckVerdict, reply: Reply) -> tuple[CheckVerdict, Reply]:
        """Return whether an answer may be given, and the answer with what had to be masked."""
        if self.screened is None:
            return passed, reply
        found = self.screened.screen_output(reply.output)
        self.findings_out = found.findings
        if found.refusal:
            return CheckVerdict(passed=False, reason=found.refusal.rstrip(".")), reply
        return passed, reply.model_copy(update={"output": found.output})

    def fail(self, turn: ModelCall, error: HeadraceError, usage: Usage | None = None) -> None:
        """Count what a call used that gave nothing, or broke off after `usage`, and note why."""
        used, cost = self.counted(turn, error, usage)
        self._note(turn.step, error, used, cost)

    def counted(
        self, turn: ModelCall, error: HeadraceError, usage: Usage | None = None
    ) -> tuple[Usage, int]:
        """Count what a call used that failed by `error`, and return it with what it cost."""
        used = usage if usage is not None else error.usage
        cost = 0
        if usage is None and error.unaccounted:
            used, cost = turn.settle_all(error)
        elif used is not None or error.seconds:
            cost = turn.settle(used or NO_USAGE, error, error.seconds)
        else:
            turn.release(error)
        return used or NO_USAGE, cost

    def run_out(self, turn: ModelCall, usage: Usage, seconds: float) -> Transient:
        """Count what an answer used that is not whole in time; return the error that says so."""
        cost = turn.settle(usage, seconds=seconds)
        self.tried.record_abort(turn.step, "the time ran out", usage, cost, seconds)
        return self.tried.deadline_error()

    def asking(self, step: RouteStep) -> CallContext:
        """Return what goes with the call."""
        who = self.spender
        return CallContext(who.tenant, who.correlation_id, step.service_tier, self.seconds())

    def _note(
        self, step: RouteStep, error: HeadraceError, usage: Usage = NO_USAGE, cost: int = 0
    ) -> None:
        """Note that an attempt failed; what was wrong is for the log."""
        self.stage.on_error(error)
        self.tried.record_failure(step, error, usage, cost)

    def generation(self) -> Generation:
        """Return the answer that was accepted last."""
        assert self.reply is not None, "an accepted attempt has left its reply"
        made = self.stage.cost_model.build_generation(
            self.generation_id,
            self.began,
            self.reply,
            self.plan,
            self.tried.attempts,
            self.tried.check_lines,
        )
        found = (*self.findings, *self.findings_out)
        return made.model_copy(update={"findings": found}) if found else made
