"""A call answered: planned, paid for, asked, checked, escalated, and accounted for.

The cheapest model that suffices is asked first. Before a model is asked, the most that it can cost
is taken off the caller's budgets; afterwards, what it did cost. An answer that fails a check, or a
model that fails, leads to the next of the plan. A stream keeps to the model that it began with.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Generation, Terms
from chalicelib.errors import HeadraceError
from chalicelib.generation.beginning import begin
from chalicelib.generation.cascading import Accept, Ask, GiveUp
from chalicelib.generation.dependencies import BOUNDLESS, Bounds, Stage
from chalicelib.generation.fitting import fitted, repair
from chalicelib.generation.streams import Ended, TextDelta, Told, ToolDelta
from chalicelib.generation.wishes import has_tools, load_of

if TYPE_CHECKING:
    from chalicelib.budgets.spending import Spender
    from chalicelib.generation.checks import Verdict
    from chalicelib.generation.pricing import Load
    from chalicelib.generation.routing import Step
    from chalicelib.generation.trials import Trial

_OF_JSON = ("json:", "schema:")


def whole(generation: Generation) -> Iterator[TextDelta | ToolDelta | Generation]:
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

    stage: Stage

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        within: Bounds = BOUNDLESS,
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
        trial = begin(self.stage, call, terms, spender, within)
        while True:
            match trial.next():
                case Ask(step):
                    if not trial.has_time():
                        raise trial.tried.too_late()
                    self._try(trial, step)
                case Accept():
                    return trial.generation()
                case GiveUp(reason):
                    raise trial.tried.given_up(reason)

    def stream(
        self,
        call: ChatCall,
        terms: Terms,
        spender: Spender,
        within: Bounds = BOUNDLESS,
    ) -> Iterator[TextDelta | ToolDelta | Generation]:
        """Yield the answer as it is made, and the generation that it is as the last.

        A model that fails before its first piece gives way to the next. What it fails after that is
        raised, and so is what `generate` raises. Checks are run at the end, and only noted. Who
        stops listening pays for what was made, as far as it can be told. Where the screen may have
        to refuse or mask the answer, it comes in one piece, after it was screened.
        """
        screened = self.stage.screened(spender)
        if screened is not None and screened.holds_back:
            yield from whole(self.generate(call, terms, spender, within))
            return
        trial = begin(self.stage, call, terms, spender, within, streams=True)
        while True:
            match trial.next():
                case Ask(step):
                    if not trial.has_time():
                        raise trial.tried.too_late()
                    told = Told(self.stage.clock)
                    yield from self._stream(trial, step, told)
                    if told.began:
                        yield trial.generation()
                        return
                case Accept():
                    raise AssertionError("an answer that stands has been streamed")
                case GiveUp(reason):
                    raise trial.tried.given_up(reason)

    def _try(self, trial: Trial, step: Step) -> None:
        """Ask the model of `step`, and once more where its JSON is none."""
        call = fitted(trial.call, self.stage.served.models[step.model])
        verdict = self._ask(trial, step, call, step.load, step.cost)
        if verdict is None or verdict.passed or not verdict.reason.startswith(_OF_JSON):
            return
        output = trial.reply.output if trial.reply is not None else None
        if (
            isinstance(call, ChatCall)
            and isinstance(output, ChatOutput)
            and output.finish == "stop"
        ):
            self._repair(trial, step, repair(call, output.text, verdict.reason))

    def _repair(self, trial: Trial, step: Step, mended: ChatCall) -> None:
        """Ask once more where the model holds so much, and the request's budget and time do."""
        limits = self.stage.served.models[step.model].limits
        load, longest = load_of(mended)
        added = limits.tool_tokens if has_tools(mended) else 0
        load = replace(load, tokens_in=load.tokens_in + added)
        cost = self.stage.accounts.estimate(step, load)
        fits = not limits.context_tokens or longest + added <= limits.context_tokens
        if fits and trial.affords(cost) and trial.has_time():
            self._ask(trial, step, mended, load, cost)

    def _ask(
        self, trial: Trial, step: Step, call: Call, load: Load, cost: int | None
    ) -> Verdict | None:
        """Ask once; return whether the answer stands, or None where there is none."""
        model = self.stage.served.models[step.model]
        backend = self.stage.backends[model.backend.kind]
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

    def _stream(self, trial: Trial, step: Step, told: Told) -> Iterator[TextDelta | ToolDelta]:
        """Yield what the model of `step` writes, as long as it does, and gather it in `told`."""
        model = self.stage.served.models[step.model]
        backend = self.stage.backends[model.backend.kind]
        call = fitted(trial.call, model)
        assert isinstance(call, ChatCall), "a fitted call is of its own kind"
        turn = trial.entered(step, step.load, step.cost)
        if turn is None:
            return
        told.began_at = self.stage.clock()  # the wait for a turn is none of the model's
        with turn.held():
            try:
                for delta in backend.stream(model, step.route, call, trial.asking(step)):
                    told.take(delta)
                    if not isinstance(delta, Ended):
                        yield delta
                        if not trial.has_time(0):
                            usage = told.usage(step.load.tokens_in)
                            raise trial.run_out(turn, usage, told.seconds)
                reply = told.reply(model.name, step)
            except HeadraceError as error:
                if turn.ended:
                    raise
                if told.began:
                    trial.fail(turn, error, error.usage or told.usage(step.load.tokens_in))
                    raise
                trial.fail(turn, error)
                return
            except BaseException:
                if told.began and not turn.ended:
                    turn.settle(told.usage(step.load.tokens_in), seconds=told.seconds)
                raise
            trial.answer(turn, reply)
