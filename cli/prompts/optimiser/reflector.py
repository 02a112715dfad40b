"""A model of the stage that may reflect, and the refusal of one that cannot."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from chalicelib.contracts.generations import ChatCall, ChatOutput, Generation, Message, Terms
from chalicelib.contracts.generations import TextPart as Text
from chalicelib.errors import HeadraceError
from chalicelib.generation.catalogue import catalogue
from cli.failures import UsageError
from cli.prompts.optimiser.reflection import MIN_TIER
from cli.prompts.optimiser.scoring import SearchEnded
from cli.prompts.optimiser.stage_calls import StageCalls

MAX_TOKENS = 1_000
"""Of a reworded prompt."""
_TOKENS = 2_000
"""Of one reflection, in and out, as its price is estimated."""


@dataclass(slots=True)
class StageReflector:
    """Reflects by a model of the stage; `dollars` are what one reflection may take."""

    calls: StageCalls
    model: str
    dollars: Decimal = field(default=Decimal(0))

    @classmethod
    def open(cls, calls: StageCalls, model: str) -> StageReflector:
        """Return the reflector, after one short call that shows who answers.

        Raises:
            UsageError: the stage has no such model of tier 3 or better, or a small one of this
                machine stands in for it.
        """
        made = cls(calls, model)
        try:
            answer = made.ask("Answer with the word: ready.")
        except HeadraceError as refused:
            raise UsageError(
                f"Reflection takes a model of tier {MIN_TIER} or better, and the stage has none "
                f"under {model!r}: {refused.message} Take --method halving."
            ) from refused
        stand_in = catalogue().models.get(answer.answered_by)
        if stand_in is not None:
            raise UsageError(
                f"{answer.model} is answered here by {stand_in.name}, a small model of this "
                "machine, which cannot reflect: it would repeat the prompt, or lose what it asks "
                "for. Take --method halving, add a capable model (headrace models add --tier 3), "
                "or name a stage on AWS."
            )
        used = max(1, answer.usage.tokens_in + answer.usage.tokens_out)
        made.dollars = answer.receipt.dollars / used * _TOKENS
        return made

    def reflect(self, text: str) -> str:
        """Return what the model answers; raise `SearchEnded` if it cannot be asked."""
        try:
            output = self.ask(text).output
        except HeadraceError as refused:
            raise SearchEnded(f"a reflection: {refused.message}") from refused
        return output.text if isinstance(output, ChatOutput) else ""

    def ask(self, text: str) -> Generation:
        """Return the model's answer to a text; raises as the stage answers."""
        call = ChatCall(
            messages=(Message(role="user", content=(Text(text=text),)),),
            max_tokens=MAX_TOKENS,
            temperature=0.0,
        )
        terms = Terms(model=self.model, quality=MIN_TIER, fallback=self.model == "auto")
        return self.calls.generate(call, terms, None)
