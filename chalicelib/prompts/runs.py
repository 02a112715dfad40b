"""Runs of a prompt version: each turn is a generation, and all of them form one run.

Plan, then expand: Wang et al. 2023, https://arxiv.org/abs/2305.04091.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    Generation,
    ImageCall,
    ImageOutput,
    Terms,
    Usage,
)
from chalicelib.contracts.prompt_runs import PromptRun, PromptVerdict, RunPromptRequest
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.prompts.rendering import CompiledPrompt
from chalicelib.prompts.replies import parse_answer
from chalicelib.prompts.reply_marks import TurnAnswer, VerifierVerdict, parse_verdict

if TYPE_CHECKING:
    from chalicelib.budgets.spender import Spender
    from chalicelib.contracts.prompts import PromptContent, PromptVersion
    from chalicelib.prompts.variables import Value


AskModel = Callable[[ChatCall | ImageCall, Terms], ChatOutput | ImageOutput]


@dataclass(frozen=True, slots=True)
class PromptResult:
    """The outputs of a prompt by turn, or pictures of the last turn, and a verdict.

    `reasonings` are the thoughts by turn, which are shown only on request.
    """

    outputs: Mapping[str, str]
    images: ImageOutput | None = None
    verdict: VerifierVerdict | None = None
    reasonings: Mapping[str, str] = field(default_factory=dict)


def run_turns(
    prompt: CompiledPrompt, values: Mapping[str, Value], ask: AskModel, fence: str
) -> PromptResult:
    """Return the outputs of the prompt's turns by `ask`, and the verifier's verdict.

    Raises:
        InvalidInput: a template fails.
        ModelFailure: an answer does not fit the turn. Errors of `ask` pass through.
    """
    outputs: dict[str, str] = {}
    reasonings: dict[str, str] = {}
    for position, turn in enumerate(prompt.content.turns):
        reply = ask(prompt.call(position, values, outputs, fence), prompt.terms(position))
        if isinstance(reply, ImageOutput):
            return PromptResult(outputs, reply, reasonings=reasonings)
        answer = read_answer(prompt.content, position, reply.text)
        outputs[turn.name] = answer.text
        if answer.reasoning:
            reasonings[turn.name] = answer.reasoning
    if prompt.verifier is None:
        return PromptResult(outputs, reasonings=reasonings)
    reply = ask(prompt.verification(values, outputs, fence), prompt.terms())
    if isinstance(reply, ImageOutput):
        raise ModelFailure("The verifier was answered with pictures.")
    return PromptResult(outputs, verdict=parse_verdict(reply.text), reasonings=reasonings)


def read_answer(content: PromptContent, position: int, text: str) -> TurnAnswer:
    """Return the output in a reply to turn `position`; raises like `parse_answer`."""
    is_last = position == len(content.turns) - 1
    schema = content.output_schema if is_last else None
    return parse_answer(text, reasons=content.turns[position].reasoning, schema=schema)


class TurnGenerator(Protocol):
    """Answers calls."""

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        """Return the answer to a call; raises like `Generator.generate`."""


@dataclass(slots=True)
class _RecordedTurns:
    """Calls models for one run, and records their answers; `changes` are applied to the terms.

    A budget in the terms is for the whole run: each turn has what those before it left.
    """

    generates: TurnGenerator
    changes: Mapping[str, object]
    spender: Spender
    within: CallLimits
    given: list[Generation] = field(default_factory=list)

    def __call__(self, call: ChatCall | ImageCall, terms: Terms) -> ChatOutput | ImageOutput:
        changed = terms.model_copy(update=self.changes)
        if changed.budget is not None:
            left = max(Decimal(0), changed.budget - self.receipt().dollars)
            changed = changed.model_copy(update={"budget": left})
        generation = self.generates.generate(call, changed, self.spender, limits=self.within)
        self.given.append(generation)
        output = generation.output
        if isinstance(output, ChatOutput) and output.finish == "length":
            assert isinstance(call, ChatCall)
            raise InvalidInput(
                f"What turn {len(self.given)} wrote did not fit into its max_tokens; give it more. "
                "It is paid for.",
                field="max_tokens",
                limit=str(call.max_tokens),
                usage=generation.usage,
            )
        if isinstance(output, ChatOutput | ImageOutput):
            return output
        raise ModelFailure(f"{generation.model} answered a turn with vectors.")

    def receipt(self) -> Receipt:
        """Return what was spent so far."""
        return Receipt.of(line for given in self.given for line in given.receipt.lines)

    def usage(self) -> Usage:
        """Return what was used so far."""
        usages = [attempt.usage for given in self.given for attempt in given.attempts]
        return Usage(
            tokens_in=sum(attempt.tokens_in for attempt in usages),
            tokens_out=sum(attempt.tokens_out for attempt in usages),
            images=sum(attempt.images for attempt in usages),
        )


@dataclass(frozen=True, slots=True)
class PromptRunner:
    """Runs versions of prompts; `fence` makes a new delimiter for each run."""

    generates: TurnGenerator
    fence: Callable[[], str]
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    clock: Callable[[], float] = time.monotonic

    def run(
        self,
        version: PromptVersion,
        request: RunPromptRequest,
        spender: Spender,
        within: CallLimits = NO_LIMITS,
    ) -> PromptRun:
        """Return the run of `version` with the variables of `request`.

        Raises:
            InvalidInput: a variable is wrong, a template fails, or an answer was cut off.
            HeadraceError: as answering a call does; its `usage` is that of the turns so far.
        """
        prompt = CompiledPrompt(version.content)
        changes: dict[str, object] = {"deadline": request.deadline}
        if request.model is not None:
            changes["model"] = request.model
        turns = _RecordedTurns(self.generates, changes, spender, within)
        began = self.now()
        try:
            result = run_turns(prompt, prompt.values(request.variables), turns, self.fence())
        except HeadraceError as error:
            if turns.given:
                error.usage = error.usage or turns.usage()
                paid = error.receipt.lines if error.receipt is not None else ()
                error.receipt = Receipt.of((*turns.receipt().lines, *paid))
            raise
        verdict = None
        if result.verdict is not None:
            verdict = PromptVerdict(accepted=result.verdict.accepted, reason=result.verdict.reason)
        return PromptRun(
            run_id=self.new_id(),
            created_at=began,
            name=version.name,
            version=version.version,
            output=result.outputs.get(version.content.turns[-1].name, ""),
            outputs=dict(result.outputs),
            images=result.images,
            verdict=verdict,
            attempts=tuple(one for given in turns.given for one in given.attempts),
            receipt=turns.receipt(),
        )
