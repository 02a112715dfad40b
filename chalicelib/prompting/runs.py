"""A version of a prompt run with models: each turn a generation, all of them one run."""

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
from chalicelib.prompting.rendering import Prompt
from chalicelib.prompting.running import run

if TYPE_CHECKING:
    from chalicelib.budgets.spending import Spender
    from chalicelib.contracts.prompts import PromptVersion


class Generates(Protocol):
    """Answers calls."""

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        """Return the answer to a call; raises as `Generator.generate` does."""


@dataclass(slots=True)
class _Asked:
    """Asks models for one run, and keeps what they gave. `changes` are the request's to terms.

    A budget of the terms is the whole run's: each turn has what those before it left.
    """

    generates: Generates
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
        each = [one.usage for given in self.given for one in given.attempts]
        return Usage(
            tokens_in=sum(one.tokens_in for one in each),
            tokens_out=sum(one.tokens_out for one in each),
            images=sum(one.images for one in each),
        )


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs versions of prompts. `fence` makes one up for each run."""

    generates: Generates
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
        """Return what came of `version` with the variables of `request`.

        Raises:
            InvalidInput: a variable is wrong, a template breaks off, an answer was cut off.
            What answering a call raises. The error's `usage` is what the turns before it used.
        """
        prompt = Prompt(version.content)
        changes: dict[str, object] = {"deadline": request.deadline}
        if request.model is not None:
            changes["model"] = request.model
        asked = _Asked(self.generates, changes, spender, within)
        began = self.now()
        try:
            ran = run(prompt, prompt.values(request.variables), asked, self.fence())
        except HeadraceError as error:
            if error.usage is None and asked.given:
                error.usage = asked.usage()
            raise
        verdict = None
        if ran.verdict is not None:
            verdict = PromptVerdict(accepted=ran.verdict.accepted, reason=ran.verdict.reason)
        return PromptRun(
            run_id=self.new_id(),
            created_at=began,
            name=version.name,
            version=version.version,
            output=ran.outputs.get(version.content.turns[-1].name, ""),
            outputs=dict(ran.outputs),
            images=ran.images,
            verdict=verdict,
            attempts=tuple(one for given in asked.given for one in given.attempts),
            receipt=asked.receipt(),
        )
