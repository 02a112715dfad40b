"""Calls and answers held to a guardrail, beside what the tenant's policy holds them to.

A guardrail looks at what is input, whoever's words they are, and at what a model wrote; not at the
caller's own instructions. It sees what the policy has masked already. What it blocks is refused by
the name of its rule, and what it masks is masked. Where it does not answer, the call is not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.screening import Finding
from chalicelib.errors import InvalidInput
from chalicelib.generation.dependencies import ScreenedInput, ScreenedOutput
from chalicelib.screening import calls

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, Output
    from chalicelib.generation.dependencies import RequestScreen, ScreeningSession
    from chalicelib.screening.ports import Assessed, Guardrail

_LOOKED_AT = ("input", "untrusted")
_WORDS = "masked by the stage's guardrail"


@dataclass(frozen=True, slots=True)
class Guarded:
    """One request held to a guardrail, and to what is `beneath` it."""

    guardrail: Guardrail
    beneath: ScreeningSession | None

    @property
    def needs_whole_answer(self) -> bool:
        """Return True: an answer may be blocked or masked, so it has to be whole."""
        return True

    def screen_input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it.

        Raises:
            InvalidInput: it is blocked, and the message names the rule; or what is beneath refuses.
            Throttled, Transient: the guardrail did not answer.
        """
        seen = ScreenedInput(call, ()) if self.beneath is None else self.beneath.screen_input(call)
        placed = calls.texts_of(seen.call)
        at = [n for n, one in enumerate(placed) if one.origin in _LOOKED_AT]
        if not at:
            return seen
        assessed = self.guardrail.apply("INPUT", [placed[n].text for n in at])
        if assessed.blocked:
            field = placed[at[0]].field if len(at) == 1 else placed[at[0]].field.partition(".")[0]
            raise InvalidInput(_refusal("The input", assessed), field=field)
        texts = [one.text for one in placed]
        for n, text in zip(at, assessed.texts, strict=True):
            texts[n] = text
        changed = [n for n, one in enumerate(placed) if texts[n] != one.text]
        if not changed:
            return seen
        told = _findings(assessed, changed)
        return ScreenedInput(calls.with_texts(seen.call, texts), (*seen.findings, *told))

    def screen_output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given, or why it may not. Raises as `input` does where the
        guardrail did not answer.
        """
        seen = (
            ScreenedOutput(output, ())
            if self.beneath is None
            else self.beneath.screen_output(output)
        )
        texts, fixed = calls.output_texts(seen.output)
        if seen.refusal or not texts:
            return seen
        assessed = self.guardrail.apply("OUTPUT", texts)
        changed = [n for n, text in enumerate(texts) if assessed.texts[n] != text]
        if assessed.blocked or fixed.intersection(changed):
            return ScreenedOutput(seen.output, (), _refusal("It", assessed))
        if not changed:
            return seen
        masked = calls.with_text(seen.output, assessed.texts[0])
        return ScreenedOutput(masked, (*seen.findings, *_findings(assessed, changed)))


@dataclass(frozen=True, slots=True)
class GuardrailScreen:
    """Holds every request of the stage to its guardrail, and to what is `beneath` it."""

    guardrail: Guardrail
    beneath: RequestScreen

    def open_session(self, tenant: str, correlation_id: str) -> Guarded:
        """Return what holds for a request of the tenant."""
        return Guarded(self.guardrail, self.beneath.open_session(tenant, correlation_id))


def _refusal(what: str, assessed: Assessed) -> str:
    rule = assessed.blocked or ", ".join(assessed.masked)
    return f"{what} was refused by the guardrail's rule {rule}."


def _findings(assessed: Assessed, changed: Sequence[int]) -> list[Finding]:
    """Return a finding for each text that was masked; a guardrail masks personal data alone."""
    rule = f"guardrail.{assessed.masked[0]}" if len(assessed.masked) == 1 else "guardrail"
    return [
        Finding(rule=rule, category="personal-data", text=n, score=1.0, words=_WORDS)
        for n in changed
    ]
