"""Guardrails at work: ApplyGuardrail, and the guardrail that a conversation is held to.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from localcloud.bedrock.answering import Ending, Event
from localcloud.bedrock.content import invalid
from localcloud.bedrock.guardrails.assessing import Outcome, assess
from localcloud.bedrock.guardrails.store import Guardrail, GuardrailStore
from localcloud.service import CloudContext, Params, Result


class Guarding(Protocol):
    """What a conversation is held to."""

    def refusal_of_input(self, params: Params) -> str | None:
        """Return what is answered in place of the model, None where the input passes."""

    def masked(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the chat request with what is masked in its users' turns."""

    def output(self, events: Iterator[Event], ending: Ending) -> Iterator[Event]:
        """Yield the events of the answer that pass, or those of what is answered instead."""

    def trace(self) -> Mapping[str, Any] | None:
        """Return what was found, where that is asked for."""


GuardrailOf = Callable[["Mapping[str, Any] | None"], Guarding]
"""Returns what a `guardrailConfig` holds a conversation to. Raises AwsError."""


class Unguarded:
    """No guardrail."""

    def refusal_of_input(self, params: Params) -> str | None:
        """Let everything in."""
        return None

    def masked(self, request: dict[str, Any]) -> dict[str, Any]:
        """Mask nothing."""
        return request

    def output(self, events: Iterator[Event], ending: Ending) -> Iterator[Event]:
        """Let everything out."""
        return events

    def trace(self) -> Mapping[str, Any] | None:
        """Have nothing to tell."""
        return None


class Guarded:
    """One guardrail over one conversation. Its answer is held back until it is whole."""

    def __init__(self, guardrail: Guardrail, *, traced: bool) -> None:
        """Hold the conversation to `guardrail`, and tell what was found if `traced`."""
        self._guardrail = guardrail
        self._traced = traced
        self._input: Outcome | None = None
        self._output: Outcome | None = None

    def refusal_of_input(self, params: Params) -> str | None:
        """Assess what users say: all of it, or what is marked by guardContent where anything is."""
        outcome = assess(self._guardrail.policy, "INPUT", _input_texts(params))
        self._input = outcome
        return str(self._guardrail.policy["blockedInputMessaging"]) if outcome.blocked else None

    def masked(self, request: dict[str, Any]) -> dict[str, Any]:
        """Mask what is to be masked before the model reads it."""
        if self._input is None or not self._input.masked:
            return request
        messages = [
            {**turn, "content": assess(self._guardrail.policy, "INPUT", [turn["content"]]).texts[0]}
            if turn["role"] == "user"
            else turn
            for turn in request["messages"]
        ]
        return {**request, "messages": messages}

    def output(self, events: Iterator[Event], ending: Ending) -> Iterator[Event]:
        """Assess the whole text. Calls of tools pass, as on AWS."""
        held = list(events)
        texts = [e["contentBlockDelta"]["delta"] for e in held if "contentBlockDelta" in e]
        if not texts or "text" not in texts[0]:
            yield from held
            return
        text = "".join(delta["text"] for delta in texts)
        outcome = assess(self._guardrail.policy, "OUTPUT", [text])
        self._output = outcome
        said = outcome.texts[0]
        if outcome.blocked:
            said = str(self._guardrail.policy["blockedOutputsMessaging"])
        if outcome.intervened:
            ending.reason = "guardrail_intervened"
        yield {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": said}}}
        yield {"contentBlockStop": {"contentBlockIndex": 0}}

    def trace(self) -> Mapping[str, Any] | None:
        """Return the assessments by the guardrail's id."""
        if not self._traced:
            return None
        found: dict[str, Any] = {}
        if self._input is not None:
            found["inputAssessment"] = {self._guardrail.id: self._input.assessment}
        if self._output is not None:
            found["outputAssessments"] = {self._guardrail.id: [self._output.assessment]}
        return found


def _input_texts(params: Params) -> list[str]:
    users = [m["content"] for m in params.get("messages", ()) if m["role"] == "user"]
    blocks = [block for content in (*users, params.get("system", ())) for block in content]
    marked = [b["guardContent"]["text"]["text"] for b in blocks if "guardContent" in b]
    if marked:
        return marked
    return [block["text"] for content in users for block in content if "text" in block]


class Guardrails:
    """The guardrails of the account, at work."""

    def __init__(self, surroundings: CloudContext, store: GuardrailStore) -> None:
        """Look guardrails up in `store`."""
        self._surroundings = surroundings
        self._store = store

    def of(self, config: Mapping[str, Any] | None) -> Guarding:
        """Return what a `guardrailConfig` holds a conversation to. Raises AwsError."""
        if config is None:
            return Unguarded()
        identifier, version = config.get("guardrailIdentifier"), config.get("guardrailVersion")
        if not identifier or not version:
            raise invalid("guardrailConfig needs both guardrailIdentifier and guardrailVersion.")
        traced = config.get("trace", "disabled") != "disabled"
        return Guarded(self._store.get(identifier, version), traced=traced)

    def apply_guardrail(self, params: Params) -> Result:
        """Assess texts by themselves."""
        guardrail = self._store.get(params["guardrailIdentifier"], params["guardrailVersion"])
        texts = [_text(block, place) for place, block in enumerate(params["content"])]
        outcome = assess(guardrail.policy, params["source"], texts)
        said = "Input" if params["source"] == "INPUT" else "Outputs"
        message = guardrail.policy[f"blocked{said}Messaging"]
        outputs: Sequence[str] = [message] if outcome.blocked else outcome.texts
        coverage = {"guarded": outcome.characters, "total": outcome.characters}
        arn = self._surroundings.arn("bedrock", f"guardrail/{guardrail.id}")
        applied = {
            "guardrailId": guardrail.id,
            "guardrailVersion": guardrail.version,
            "guardrailArn": arn,
            "guardrailOrigin": ["REQUEST"],
            "guardrailOwnership": "SELF",
        }
        return {
            "usage": outcome.units,
            "action": "GUARDRAIL_INTERVENED" if outcome.intervened else "NONE",
            "outputs": [{"text": text} for text in outputs] if outcome.intervened else [],
            "assessments": [{**outcome.assessment, "appliedGuardrailDetails": applied}],
            "guardrailCoverage": {"textCharacters": coverage},
        }


def _text(block: Mapping[str, Any], place: int) -> str:
    if "text" not in block:
        raise invalid(f"The local cloud's guardrails read text only; content.{place} has an image.")
    if {"grounding_source", "query"} & set(block["text"].get("qualifiers", ())):
        raise invalid(
            "The local cloud's guardrails check no grounding;"
            f" content.{place} has qualifiers for it."
        )
    return str(block["text"]["text"])
