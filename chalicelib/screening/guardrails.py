"""Guardrails of Bedrock, which calls and answers are held to beside the tenant's policy.

A guardrail assesses input, whoever wrote it, and what a model wrote; not the caller's own
instructions. It sees text that the policy has masked already. Blocked text is refused by the name
of its rule, and what the guardrail masks is masked. If it does not answer, the call is not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from chalicelib.contracts.screening import Finding
from chalicelib.errors import InvalidInput
from chalicelib.generation.dependencies import ScreenedInput, ScreenedOutput
from chalicelib.screening import calls

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, Output
    from chalicelib.generation.dependencies import RequestScreen, ScreeningSession


@dataclass(frozen=True, slots=True)
class GuardrailAssessment:
    """The guardrail's result: `texts` with its masks, in order, and the rules that applied.

    `blocked` is the rule that blocked all of them, or ""; `masked` names the rules that masked
    some.
    """

    texts: tuple[str, ...]
    blocked: str = ""
    masked: tuple[str, ...] = ()


class Guardrail(Protocol):
    """A guardrail of Bedrock."""

    def apply(
        self, source: Literal["INPUT", "OUTPUT"], texts: Sequence[str]
    ) -> GuardrailAssessment:
        """Assess texts that go to a model, or come from one.

        Raises:
            Throttled, Transient: it may be asked again.
            HeadraceError: the guardrail does not exist, or access is denied.
        """


_ASSESSED_ORIGINS = ("input", "untrusted")
_WORDS = "masked by the stage's guardrail"


@dataclass(frozen=True, slots=True)
class GuardrailSession:
    """One request held to a guardrail, after the session `beneath` it."""

    guardrail: Guardrail
    beneath: ScreeningSession | None

    @property
    def needs_whole_answer(self) -> bool:
        """Return True: an answer may be blocked or masked, so it has to be complete."""
        return True

    def screen_input(self, call: Call) -> ScreenedInput:
        """Return the call as a model may see it.

        Raises:
            InvalidInput: it is blocked, and the message names the rule; or the inner session
            refuses.
            Throttled, Transient: the guardrail did not answer.
        """
        seen = ScreenedInput(call, ()) if self.beneath is None else self.beneath.screen_input(call)
        placed = calls.call_texts(seen.call)
        indexes = [n for n, text_ in enumerate(placed) if text_.origin in _ASSESSED_ORIGINS]
        if not indexes:
            return seen
        assessed = self.guardrail.apply("INPUT", [placed[n].text for n in indexes])
        if assessed.blocked:
            field = (
                placed[indexes[0]].field
                if len(indexes) == 1
                else placed[indexes[0]].field.partition(".")[0]
            )
            raise InvalidInput.by_screening(_refusal("The input", assessed), field)
        texts = [text_.text for text_ in placed]
        for n, text in zip(indexes, assessed.texts, strict=True):
            texts[n] = text
        changed = [n for n, text_ in enumerate(placed) if texts[n] != text_.text]
        if not changed:
            return seen
        findings = _findings(assessed, changed)
        return ScreenedInput(calls.with_texts(seen.call, texts), (*seen.findings, *findings))

    def screen_output(self, output: Output) -> ScreenedOutput:
        """Return the output as it may be given, or why it may not; raises like `screen_input`."""
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
    """Holds every request of the stage to its guardrail, after the screen `beneath` it."""

    guardrail: Guardrail
    beneath: RequestScreen

    def open_session(self, tenant: str, correlation_id: str) -> GuardrailSession:
        """Return the session of a request of the tenant."""
        return GuardrailSession(self.guardrail, self.beneath.open_session(tenant, correlation_id))


def _refusal(subject: str, assessed: GuardrailAssessment) -> str:
    rule = assessed.blocked or ", ".join(assessed.masked)
    return f"{subject} was refused by the guardrail's rule {rule}."


def _findings(assessed: GuardrailAssessment, changed: Sequence[int]) -> list[Finding]:
    """Return a finding for each masked text; a guardrail masks personal data only."""
    rule = f"guardrail.{assessed.masked[0]}" if len(assessed.masked) == 1 else "guardrail"
    return [
        Finding(rule=rule, category="personal-data", text=n, score=1.0, words=_WORDS)
        for n in changed
    ]
