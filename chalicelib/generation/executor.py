"""The loop that answers a call: plan a route, try its models, check, escalate, account.

The cheapest model that suffices is tried first. Before a model is called, the most that the call
can cost is reserved from the caller's budgets; afterwards the actual cost is settled. A model that
fails, or whose answer fails a check, leads to the next step of the route. A stream keeps to the
model that began it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Generation, Reply, Terms
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.generation import check_names, checks, requirements, router
from chalicelib.generation.adaptation import adapt_call, repair_call
from chalicelib.generation.attempt import GenerationRun, ModelCall
from chalicelib.generation.attempt_history import AnswerOutcome, describe_failure
from chalicelib.generation.check_names import AnswerCheck
from chalicelib.generation.checks import CheckVerdict
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits, GenerationDeps
from chalicelib.generation.models import AUTO
from chalicelib.generation.router import AcceptAnswer, GiveUp, TryModel
from chalicelib.generation.self_check import SelfCheck
from chalicelib.generation.streams import (
    StreamedAnswer,
    StreamEnd,
    TextDelta,
    ToolDelta,
    keep_wanted_calls,
    wanted_deltas,
)
from chalicelib.generation.tokens import has_tools, max_load
from chalicelib.generation.variants import split_variant

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.screening import Finding
    from chalicelib.generation.router import RouteStep
    from chalicelib.generation.tokens import TokenLoad

_JSON_REASONS = ("json:", "schema:")
"""Beginnings of the reasons of failed checks that a repair call may correct."""


@dataclass(frozen=True, slots=True)
class Generator:
    """Answers calls by the models and budgets of one deployment stage."""

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
            InvalidInput: a check is invalid, or no model takes the call.
            QuotaExceeded, Throttled: a budget or a minute has no room for it.
            Transient, ModelFailure: every model failed, or the time ran out, with what became of
                each. The error's `usage` is what they used all the same.
        """
        run = prepare(self.deps.refreshed(), call, terms, spender, limits)
        while True:
            match run.next_move():
                case TryModel(step):
                    if not run.has_time():
                        raise run.history.deadline_error()
                    self._try_model(run, step)
                case AcceptAnswer():
                    return run.generation()
                case GiveUp(reason):
                    raise run.history.no_answer_error(reason)

    def is_fallback(self, terms: Terms, generation: Generation) -> bool:
        """Tell whether another model gave an answer than the one that the terms name, by any name.

        Where the terms leave the choice to the router, none did.
        """
        if terms.model == AUTO:
            return False
        served = self.deps.refreshed().models
        try:
            named, _ = split_variant(terms, served)
            return served.model(named.model).name != generation.model
        except NotFound:  # an operator removed the model since it answered
            return True

    def stream(
        self,
        call: ChatCall,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Iterator[TextDelta | ToolDelta | Generation]:
        """Yield the answer in pieces as the model writes it, and the whole generation last.

        If a model fails before its first piece, the next one is tried; its later failures are
        raised, as are all errors of `generate`. Checks run at the end and are only recorded. If the
        client disconnects, the tokens generated so far are charged. If screening may have to refuse
        or mask the answer, it comes in one piece, after it was screened.
        """
        screening = self.deps.open_screening(spender)
        if screening is not None and screening.needs_whole_answer:
            yield from stream_whole(self.generate(call, terms, spender, limits))
            return
        run = prepare(self.deps.refreshed(), call, terms, spender, limits, streams=True)
        while True:
            match run.next_move():
                case TryModel(step):
                    if not run.has_time():
                        raise run.history.deadline_error()
                    answer = StreamedAnswer(self.deps.monotonic)
                    yield from self._stream_model(run, step, answer)
                    if answer.has_begun:
                        yield run.generation()
                        return
                case AcceptAnswer():
                    raise AssertionError("an accepted answer has been streamed")
                case GiveUp(reason):
                    raise run.history.no_answer_error(reason)

    def _try_model(self, run: GenerationRun, step: RouteStep) -> None:
        """Call the model of `step`, and once more to repair its JSON if that is invalid."""
        call = adapt_call(run.call, run.deps.models.models[step.model])
        verdict = self._call_model(run, step, call, step.load, step.cost)
        if verdict is None or verdict.passed or not verdict.reason.startswith(_JSON_REASONS):
            return
        output = run.reply.output if run.reply is not None else None
        if (
            isinstance(call, ChatCall)
            and isinstance(output, ChatOutput)
            and output.finish == "stop"
        ):
            self._repair(run, step, repair_call(call, output.text, verdict.reason))

    def _repair(self, run: GenerationRun, step: RouteStep, call: ChatCall) -> None:
        """Make the repair `call` if the model's context, the budget and the time allow it."""
        limits = run.deps.models.models[step.model].limits
        load, longest = max_load(call)
        added = limits.tool_tokens if has_tools(call) else 0
        load = replace(load, tokens_in=load.tokens_in + added)
        cost = run.deps.cost_model.max_cost(step, load)
        fits = not limits.context_tokens or longest + added <= limits.context_tokens
        if fits and run.affords(cost) and run.has_time():
            self._call_model(run, step, call, load, cost)

    def _call_model(
        self, run: GenerationRun, step: RouteStep, call: Call, load: TokenLoad, cost: int | None
    ) -> CheckVerdict | None:
        """Make one call; return the verdict on its answer, None if there is no answer."""
        model = run.deps.models.models[step.model]
        backend = run.deps.backends[model.backend.kind]
        model_call = run.try_reserve(step, load, cost)
        if model_call is None:
            return None
        with model_call.charge_if_aborted():
            try:
                reply = backend.generate(model, step.route, call, run.context(step))
                reply = keep_wanted_calls(call, reply)
            except HeadraceError as error:
                run.record_failure(model_call, error)
                return None
            return self._judge_reply(run, model_call, reply)

    def _stream_model(
        self, run: GenerationRun, step: RouteStep, answer: StreamedAnswer
    ) -> Iterator[TextDelta | ToolDelta]:
        """Yield what the model of `step` writes, and collect it in `answer`."""
        model = run.deps.models.models[step.model]
        backend = run.deps.backends[model.backend.kind]
        call = adapt_call(run.call, model)
        assert isinstance(call, ChatCall), "an adapted call keeps its kind"
        model_call = run.try_reserve(step, step.load, step.cost)
        if model_call is None:
            return
        # The wait for the tenant's turn is not the model's time.
        answer.started_at = self.deps.monotonic()
        with model_call.charge_if_aborted():
            try:
                deltas = backend.stream(model, step.route, call, run.context(step))
                for delta in wanted_deltas(call, deltas):
                    answer.add(delta)
                    if not isinstance(delta, StreamEnd):
                        yield delta
                        if not run.has_time(0):
                            usage = answer.usage(step.load.tokens_in)
                            raise run.time_out(model_call, usage, answer.seconds)
                reply = answer.reply(model.name, step)
            except HeadraceError as error:
                if model_call.ended:
                    raise
                if answer.has_begun:
                    # The caller has pieces of this answer, so no other model can replace it.
                    usage = error.usage or answer.usage(step.load.tokens_in)
                    run.record_failure(model_call, error, usage)
                    raise
                run.record_failure(model_call, error)
                return
            except BaseException:  # GeneratorExit too: the client disconnected
                if answer.has_begun and not model_call.ended:
                    usage = answer.usage(step.load.tokens_in)
                    model_call.settle(usage, seconds=answer.seconds)
                raise
            self._judge_reply(run, model_call, reply)

    def _judge_reply(self, run: GenerationRun, model_call: ModelCall, reply: Reply) -> CheckVerdict:
        """Settle the cost of a reply, check and screen it, and record the attempt.

        Raises what a check or the screening raises, with what all attempts cost.
        """
        step = model_call.step
        cost = model_call.settle(reply.usage, seconds=reply.seconds)
        try:
            verdict = self._run_checks(run, reply, SelfCheck(run, step, cost))
            run.history.check_lines += verdict.lines
            if verdict.passed:
                verdict, reply = _screen_reply(run, verdict, reply)
        except HeadraceError as error:
            self.deps.on_error(error)
            run.history.record_answer(step, reply, cost, "failed", describe_failure(error))
            run.history.attach_costs(error)
            raise
        run.reply = reply
        outcome: AnswerOutcome = "accepted" if verdict.passed else "escalated"
        run.history.record_answer(step, reply, cost, outcome, verdict.reason)
        return verdict

    def _run_checks(self, run: GenerationRun, reply: Reply, self_check: SelfCheck) -> CheckVerdict:
        """Return the verdict of the run's checks on a reply.

        JSON that was cut off is invalid, but a dearer model would be cut off at the same place: the
        answer is given as it is, and the verdict says so.
        """
        output, judges = reply.output, {**self.deps.judges, check_names.SELF_CHECK: self_check}
        if not isinstance(output, ChatOutput) or output.finish != "length":
            return checks.run_checks(run.checks, run.call, output, judges)
        due = [check for check in run.checks if check.kind not in check_names.JSON_KINDS]
        verdict = checks.run_checks(due, run.call, output, judges)
        return replace(verdict, reason="it was cut off") if verdict.passed else verdict


def stream_whole(generation: Generation) -> Iterator[TextDelta | ToolDelta | Generation]:
    """Yield a chat answer that is already complete as if it were streamed."""
    output = generation.output
    assert isinstance(output, ChatOutput), "only a chat is streamed"
    if output.text:
        yield TextDelta(output.text)
    for index, call in enumerate(output.tool_calls):
        yield ToolDelta(index, call.id, call.name, call.arguments)
    yield generation


def prepare(
    deps: GenerationDeps,
    call: Call,
    terms: Terms,
    spender: Spender,
    limits: CallLimits = NO_LIMITS,
    *,
    streams: bool = False,
) -> GenerationRun:
    """Screen a call, derive its requirements and plan its route, without calling a model.

    Raises:
        NotFound, InvalidInput, Unsupported: no model can be tried, and why.
        InvalidInput: a schema or a check is invalid, or the screening refuses the call.
        Throttled, Transient, ModelFailure: the call could not be screened.
    """
    named_checks = _checks_of_call(call, terms.checks)
    checks.require_checks(named_checks, call, deps.judges)
    screening = deps.open_screening(spender)
    findings: tuple[Finding, ...] = ()
    if screening is not None:
        screened = screening.screen_input(call)
        call, findings = screened.call, screened.findings
    now = deps.utcnow()
    terms, variant = split_variant(terms, deps.models)
    required = requirements.derive_requirements(
        call,
        terms,
        deps.call_region,
        streams=streams,
        allowed=deps.models_allowed_for(spender),
        max_bytes=limits.max_bytes,
    )
    prices = deps.cost_model.prices
    plan = router.plan_route(required, deps.models, prices, now, deps.guard.health(spender.tenant))
    return GenerationRun(
        deps=deps,
        call=call,
        spender=spender,
        requirements=required,
        plan=plan.require_steps(),
        checks=named_checks,
        generation_id=deps.new_id(),
        began_at=now,
        deadline=_deadline(deps, limits, terms, now),
        variant=variant,
        screening=screening,
        input_findings=findings,
    )


def _deadline(
    deps: GenerationDeps, limits: CallLimits, terms: Terms, now: datetime
) -> float | None:
    """Return when an answer is too late, in seconds of `deps.monotonic`; None for never."""
    deadlines = [] if limits.deadline is None else [limits.deadline]
    if terms.deadline is not None:
        deadlines.append(deps.monotonic() + (terms.deadline - now).total_seconds())
    return min(deadlines, default=None)


def _checks_of_call(call: Call, names: Sequence[str]) -> tuple[AnswerCheck, ...]:
    """Return the named checks, and the one that the call's own JSON output implies."""
    all_names = list(names)
    if isinstance(call, ChatCall) and call.json_output is not None:
        own = "json" if call.json_output.json_schema is None else "schema"
        all_names += [] if own in all_names or call.tools else [own]
    return check_names.parse_checks(all_names, call)


def _screen_reply(
    run: GenerationRun, passed: CheckVerdict, reply: Reply
) -> tuple[CheckVerdict, Reply]:
    """Return whether an answer may be given, and the reply with masks applied to it."""
    if run.screening is None:
        return passed, reply
    screened = run.screening.screen_output(reply.output)
    run.output_findings = screened.findings
    if screened.refusal:
        return CheckVerdict(passed=False, reason=screened.refusal.rstrip(".")), reply
    return passed, reply.model_copy(update={"output": screened.output})
