"""A call answered: planned, paid for, asked, checked, escalated, and accounted for.

The cheapest model that suffices is asked first. Before a model is asked, the most that it can cost
is taken off the caller's budgets; afterwards, what it did cost. An answer that fails a check, or a
model that fails, leads to the next of the plan. A stream keeps to the model that it began with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Generation, Terms
from chalicelib.errors import HeadraceError
from chalicelib.generation import checks, requirements, router
from chalicelib.generation.adaptation import adapt_call, repair_call
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits, GenerationDeps
from chalicelib.generation.router import AcceptAnswer, GiveUp, TryModel
from chalicelib.generation.streams import StreamedAnswer, StreamEnd, TextDelta, ToolDelta
from chalicelib.generation.tokens import has_tools, max_load
from chalicelib.generation.trials import Trial

if TYPE_CHECKING:
    from chalicelib.budgets.spending import Spender
    from chalicelib.contracts.screening import Finding
    from chalicelib.generation.checks import AnswerCheck, CheckVerdict
    from chalicelib.generation.router import RouteStep
    from chalicelib.generation.tokens import TokenLoad

_OF_JSON = ("json:", "schema:")


def stream_whole(generation: Generation) -> Iterator[TextDelta | ToolDelta | Generation]:
    """Yield a chat that is there already as if it were streamed."""
    output = generation.output
    assert isinstance(output, ChatOutput), "what is streamed is a chat"
    if output.text:
        yield TextDelta(output.text)
    for at, call in enumerate(output.tool_calls):
        yield ToolDelta(at, call.id, call.name, call.arguments)
    yield generation


@dataclass(frozen=True, slots=True)
class Generator:
    """Answers calls on a stage."""

    deps: GenerationDeps

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        """Return the answer to `call`.

        Raises:
            NotFound: `terms` name a model that is not served.
            Unsupported: no model can answer this, with the reason of each.
            InvalidInput: a check is none, or no model takes the call.
            QuotaExceeded, Throttled: a budget or a minute has no room for it.
            Transient, ModelFailure: every model failed, or the time ran out, with what became of
                each. The error's `usage` is what they used all the same.
        """
        trial = prepare(self.deps, call, terms, spender, limits)
        while True:
            match trial.next():
                case TryModel(step):
                    if not trial.has_time():
                        raise trial.tried.deadline_error()
                    self._try(trial, step)
                case AcceptAnswer():
                    return trial.generation()
                case GiveUp(reason):
                    raise trial.tried.no_answer_error(reason)

    def stream(
        self,
        call: ChatCall,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Iterator[TextDelta | ToolDelta | Generation]:
        """Yield the answer as it is made, and the generation that it is as the last.

        A model that fails before its first piece gives way to the next. What it fails after that is
        raised, and so is what `generate` raises. Checks are run at the end, and only noted. Who
        stops listening pays for what was made, as far as it can be told. Where the screen may have
        to refuse or mask the answer, it comes in one piece, after it was screened.
        """
        screened = self.deps.open_screening(spender)
        if screened is not None and screened.needs_whole_answer:
            yield from stream_whole(self.generate(call, terms, spender, limits))
            return
        trial = prepare(self.deps, call, terms, spender, limits, streams=True)
        while True:
            match trial.next():
                case TryModel(step):
                    if not trial.has_time():
                        raise trial.tried.deadline_error()
                    told = StreamedAnswer(self.deps.monotonic)
                    yield from self._stream(trial, step, told)
                    if told.has_begun:
                        yield trial.generation()
                        return
                case AcceptAnswer():
                    raise AssertionError("an answer that stands has been streamed")
                case GiveUp(reason):
                    raise trial.tried.no_answer_error(reason)

    def _try(self, trial: Trial, step: RouteStep) -> None:
        """Ask the model of `step`, and once more where its JSON is none."""
        call = adapt_call(trial.call, self.deps.models.models[step.model])
        verdict = self._ask(trial, step, call, step.load, step.cost)
        if verdict is None or verdict.passed or not verdict.reason.startswith(_OF_JSON):
            return
        output = trial.reply.output if trial.reply is not None else None
        if (
            isinstance(call, ChatCall)
            and isinstance(output, ChatOutput)
            and output.finish == "stop"
        ):
            self._repair(trial, step, repair_call(call, output.text, verdict.reason))

    def _repair(self, trial: Trial, step: RouteStep, mended: ChatCall) -> None:
        """Ask once more where the model holds so much, and the request's budget and time do."""
        limits = self.deps.models.models[step.model].limits
        load, longest = max_load(mended)
        added = limits.tool_tokens if has_tools(mended) else 0
        load = replace(load, tokens_in=load.tokens_in + added)
        cost = self.deps.cost_model.max_cost(step, load)
        fits = not limits.context_tokens or longest + added <= limits.context_tokens
        if fits and trial.affords(cost) and trial.has_time():
            self._ask(trial, step, mended, load, cost)

    def _ask(
        self, trial: Trial, step: RouteStep, call: Call, load: TokenLoad, cost: int | None
    ) -> CheckVerdict | None:
        """Ask once; return whether the answer stands, or None where there is none."""
        model = self.deps.models.models[step.model]
        backend = self.deps.backends[model.backend.kind]
        turn = trial.entered(step, load, cost)
        if turn is None:
            return None
        with turn.held():
            try:
                reply = backend.generate(model, step.route, call, trial.asking(step))
            except HeadraceError as error:
                trial.fail(turn, error)
                return None
            return trial.answer(turn, reply)

    def _stream(
        self, trial: Trial, step: RouteStep, told: StreamedAnswer
    ) -> Iterator[TextDelta | ToolDelta]:
        """Yield what the model of `step` writes, as long as it does, and gather it in `told`."""
        model = self.deps.models.models[step.model]
        backend = self.deps.backends[model.backend.kind]
        call = adapt_call(trial.call, model)
        assert isinstance(call, ChatCall), "a fitted call is of its own kind"
        turn = trial.entered(step, step.load, step.cost)
        if turn is None:
            return
        told.started_at = self.deps.monotonic()  # the wait for a turn is none of the model's
        with turn.held():
            try:
                for delta in backend.stream(model, step.route, call, trial.asking(step)):
                    told.add(delta)
                    if not isinstance(delta, StreamEnd):
                        yield delta
                        if not trial.has_time(0):
                            usage = told.usage(step.load.tokens_in)
                            raise trial.run_out(turn, usage, told.seconds)
                reply = told.reply(model.name, step)
            except HeadraceError as error:
                if turn.ended:
                    raise
                if told.has_begun:
                    trial.fail(turn, error, error.usage or told.usage(step.load.tokens_in))
                    raise
                trial.fail(turn, error)
                return
            except BaseException:
                if told.has_begun and not turn.ended:
                    turn.settle(told.usage(step.load.tokens_in), seconds=told.seconds)
                raise
            trial.answer(turn, reply)


def prepare(
    deps: GenerationDeps,
    call: Call,
    terms: Terms,
    spender: Spender,
    limits: CallLimits = NO_LIMITS,
    *,
    streams: bool = False,
) -> Trial:
    """Screen a call, derive its requirements and plan its route; nothing is asked or paid yet.

    Raises:
        NotFound, InvalidInput, Unsupported: nobody can be asked, and why.
        InvalidInput: a schema or a check is none, or the screen refuses the call.
        Throttled, Transient, ModelFailure: the screen could not look at it.
    """
    named = _named_checks(call, terms.checks)
    checks.require_checks(named, call, deps.judges)
    screened = deps.open_screening(spender)
    findings: tuple[Finding, ...] = ()
    if screened is not None:
        seen = screened.screen_input(call)
        call, findings = seen.call, seen.findings
    now = deps.utcnow()
    wish = requirements.derive_requirements(
        call,
        terms,
        deps.call_region,
        streams=streams,
        allowed=deps.models_allowed_for(spender),
        max_bytes=limits.max_bytes,
    )
    prices = deps.cost_model.prices
    plan = router.plan_route(wish, deps.models, prices, now, deps.guard.health()).require_steps()
    until = _deadline(deps, limits, terms, now)
    own = deps.new_id()
    return Trial(deps, call, spender, wish, plan, named, own, now, until, screened, findings)


def _deadline(
    deps: GenerationDeps, within: CallLimits, terms: Terms, now: datetime
) -> float | None:
    """Return until when an answer is of use, by `deps.monotonic`, None for never."""
    ends = [] if within.deadline is None else [within.deadline]
    if terms.deadline is not None:
        ends.append(deps.monotonic() + (terms.deadline - now).total_seconds())
    return min(ends, default=None)


def _named_checks(call: Call, names: Sequence[str]) -> tuple[AnswerCheck, ...]:
    """Return the checks that are named, and those that the call itself asks for."""
    wanted = list(names)
    if isinstance(call, ChatCall) and call.json_output is not None:
        own = "json" if call.json_output.json_schema is None else "schema"
        wanted += [] if own in wanted or call.tools else [own]
    return checks.parse_checks(wanted, call)
