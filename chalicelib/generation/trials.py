"""One call on its way to an answer: who is asked next, what is taken off the budgets for it, and
whether the answer stands.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.budgets.spending import Most, Spender
from chalicelib.contracts.generations import Call, ChatOutput, Generation, Reply, Usage
from chalicelib.errors import HeadraceError, QuotaExceeded, Throttled, Transient, Unsupported
from chalicelib.generation import check_names, checks
from chalicelib.generation.attempts import NOTHING, Attempts, Judgement, told
from chalicelib.generation.cascading import Move, next_move
from chalicelib.generation.checks import Verdict
from chalicelib.generation.dependencies import Asking, Screened
from chalicelib.generation.self_checking import SelfCheck
from chalicelib.generation.turns import Turn

if TYPE_CHECKING:
    from chalicelib.contracts.screening import Finding
    from chalicelib.generation.check_names import Check
    from chalicelib.generation.dependencies import Stage
    from chalicelib.generation.pricing import Load
    from chalicelib.generation.routing import Plan, Step
    from chalicelib.generation.wishes import Wish

LEAST_SECONDS = 3.0
"""Where less than this is left, no further model is asked."""


@dataclass(slots=True)
class Trial:
    """A call with its plan and what was tried so far; `reply` is the last answer.

    `until` is when an answer comes too late, in seconds by the stage's clock. `screened` is what
    the request is held to, `findings` what was found in its input, and `findings_out` in the last
    answer.
    """

    stage: Stage
    call: Call
    spender: Spender
    wish: Wish
    plan: Plan
    checks: tuple[Check, ...]
    generation_id: str
    began: datetime
    until: float | None = None
    screened: Screened | None = None
    findings: tuple[Finding, ...] = ()
    findings_out: tuple[Finding, ...] = ()
    tried: Attempts = field(init=False)
    reply: Reply | None = None

    def __post_init__(self) -> None:
        """Begin with no attempt."""
        self.tried = Attempts(self.stage.accounts, self.plan, self.call.task)

    def next(self) -> Move:
        """Return what is next."""
        return next_move(self.plan, self.tried.made, self.tried.for_attempts(self.wish.budget))

    def affords(self, cost: int | None) -> bool:
        """Tell whether the request's own budget has room for a call that costs `cost` at most."""
        left = self.tried.left_of(self.wish.budget)
        return left is None or (cost is not None and cost <= left)

    def seconds(self) -> float | None:
        """Return how long an answer may still take, None where nobody counts."""
        return None if self.until is None else self.until - self.stage.clock()

    def has_time(self, least: float = LEAST_SECONDS) -> bool:
        """Tell whether there is time for a call."""
        left = self.seconds()
        return left is None or left >= least

    def entered(self, step: Step, load: Load, cost: int | None) -> Turn | None:
        """Take `cost`, the most that a call of `load` can cost, off the budgets, and wait for a
        turn to ask the model of `step`.

        Return None where there is no room or no turn in time, which is noted.

        Raises:
            QuotaExceeded: a budget in dollars is used up; what is dearer would not fit either.
            NotFound: there is no such tenant.
        """
        try:
            return self.turn(step, load, Most(cost, load.tokens_in + load.tokens_out))
        except (Throttled, Transient, Unsupported) as error:
            self._note(step, error)
            return None
        except QuotaExceeded as error:
            if not error.of_model:
                self.tried.with_costs(error)
                raise
            self._note(step, error)
            return None

    def turn(self, step: Step, load: Load, most: Most) -> Turn:
        """Take `most` off the budgets, and wait for a turn; raises what is in the way of either."""
        reserved = self.stage.budgets.reserve(self.spender, step.model, most)
        turn = Turn(self.stage, step, load, reserved, None)
        try:
            turn.ticket = self.stage.guard.enter(step.model, self.spender.tenant)
        except BaseException:
            turn.give_back()
            raise
        return turn

    def answer(self, turn: Turn, reply: Reply) -> Verdict:
        """Count what an answer cost, and return whether it stands.

        Raises what a check or the screen raises, with what all attempts cost.
        """
        cost = turn.settle(reply.usage, seconds=reply.seconds)
        try:
            verdict, self.reply = self._judged(turn.step, reply, cost)
        except HeadraceError as error:
            self.stage.log(error)
            self.tried.answered(turn.step, reply, cost, "failed", told(error))
            self.tried.with_costs(error)
            raise
        outcome: Judgement = "accepted" if verdict.passed else "escalated"
        self.tried.answered(turn.step, reply, cost, outcome, verdict.reason)
        return verdict

    def _judged(self, step: Step, reply: Reply, cost: int) -> tuple[Verdict, Reply]:
        """Return whether an answer stands, and the answer as it may be given."""
        verdict = self._checked(reply, SelfCheck(self, step, cost))
        self.tried.judged += verdict.lines
        return self._screened(verdict, reply) if verdict.passed else (verdict, reply)

    def _checked(self, reply: Reply, own: SelfCheck) -> Verdict:
        """Return whether an answer stands its checks.

        JSON that was cut off is none, and a dearer model would be cut off at the same place: it is
        given as it is, and says so.
        """
        output, judges = reply.output, {**self.stage.judges, check_names.SELF: own}
        if not isinstance(output, ChatOutput) or output.finish != "length":
            return checks.run(self.checks, self.call, output, judges)
        due = [check for check in self.checks if check.kind not in check_names.OF_JSON]
        verdict = checks.run(due, self.call, output, judges)
        return replace(verdict, reason="it was cut off") if verdict.passed else verdict

    def _screened(self, passed: Verdict, reply: Reply) -> tuple[Verdict, Reply]:
        """Return whether an answer may be given, and the answer with what had to be masked."""
        if self.screened is None:
            return passed, reply
        found = self.screened.output(reply.output)
        self.findings_out = found.findings
        if found.refusal:
            return Verdict(passed=False, reason=found.refusal.rstrip(".")), reply
        return passed, reply.model_copy(update={"output": found.output})

    def fail(self, turn: Turn, error: HeadraceError, usage: Usage | None = None) -> None:
        """Count what a call used that gave nothing, or broke off after `usage`, and note why."""
        used, cost = self.counted(turn, error, usage)
        self._note(turn.step, error, used, cost)

    def counted(
        self, turn: Turn, error: HeadraceError, usage: Usage | None = None
    ) -> tuple[Usage, int]:
        """Count what a call used that failed by `error`, and return it with what it cost."""
        used = usage if usage is not None else error.usage
        cost = 0
        if usage is None and error.unaccounted:
            used, cost = turn.settle_all(error)
        elif used is not None or error.seconds:
            cost = turn.settle(used or NOTHING, error, error.seconds)
        else:
            turn.release(error)
        return used or NOTHING, cost

    def run_out(self, turn: Turn, usage: Usage, seconds: float) -> Transient:
        """Count what an answer used that is not whole in time; return the error that says so."""
        cost = turn.settle(usage, seconds=seconds)
        self.tried.broke_off(turn.step, "the time ran out", usage, cost, seconds)
        return self.tried.too_late()

    def asking(self, step: Step) -> Asking:
        """Return what goes with the call."""
        who = self.spender
        return Asking(who.tenant, who.correlation_id, step.service_tier, self.seconds())

    def _note(
        self, step: Step, error: HeadraceError, usage: Usage = NOTHING, cost: int = 0
    ) -> None:
        """Note that an attempt failed; what was wrong is for the log."""
        self.stage.log(error)
        self.tried.failed(step, error, usage, cost)

    def generation(self) -> Generation:
        """Return the answer that was accepted last."""
        assert self.reply is not None, "an accepted attempt has left its reply"
        made = self.stage.accounts.generation(
            self.generation_id,
            self.began,
            self.reply,
            self.plan,
            self.tried.made,
            self.tried.judged,
        )
        found = (*self.findings, *self.findings_out)
        return made.model_copy(update={"findings": found}) if found else made
