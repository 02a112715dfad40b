"""Enforcement of guardrails: ApplyGuardrail, and guarded conversations.

https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-use-converse-api.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from localcloud.bedrock.answer_events import Event, StopDetails
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.guardrails.assessment import PolicyAssessment, assess
from localcloud.bedrock.guardrails.store import GuardrailStore, GuardrailVersion
from localcloud.service import CloudContext, Params, Result


class ConversationGuard(Protocol):
    """Applies a guardrail, or none, to one conversation."""

    def blocked_input_message(self, params: Params) -> str | None:
        """Return the message that replaces the answer if the input is blocked, or None."""

    def mask_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return the chat request with masked user messages."""

    def filter_output(self, events: Iterator[Event], stop: StopDetails) -> Iterator[Event]:
        """Yield the answer's events, masked or replaced if the guardrail intervenes."""

    def trace(self) -> Mapping[str, Any] | None:
        """Return the assessments if the request asks for a trace."""


FindGuard = Callable[["Mapping[str, Any] | None"], ConversationGuard]
"""Returns the guard for a `guardrailConfig`, or for None. Raises AwsError."""


class NoGuard:
    """A conversation without a guardrail."""

    def blocked_input_message(self, params: Params) -> str | None:
        """Block nothing."""
        return None

    def mask_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Mask nothing."""
        return request

    def filter_output(self, events: Iterator[Event], stop: StopDetails) -> Iterator[Event]:
        """Return the events unchanged."""
        return events

    def trace(self) -> Mapping[str, Any] | None:
        """Return no trace."""
        return None


class GuardrailGuard:
    """A conversation with a guardrail. The answer is buffered back until it is complete."""

    def __init__(self, guardrail: GuardrailVersion, *, traced: bool) -> None:
        """Apply `guardrail`, and return a trace if `traced`."""
        self._guardrail = guardrail
        self._traced = traced
        self._input: PolicyAssessment | None = None
        self._output: PolicyAssessment | None = None

    def blocked_input_message(self, params: Params) -> str | None:
        """Assess the user messages, or only the guardContent blocks if there are any."""
        outcome = assess(self._guardrail.policy, "INPUT", _user_texts(params))
        self._input = outcome
        return str(self._guardrail.policy["blockedInputMessaging"]) if outcome.blocked else None

    def mask_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Mask the user messages before the model reads them."""
        if self._input is None or not self._input.masked:
            return request
        messages = [
            {**turn, "content": assess(self._guardrail.policy, "INPUT", [turn["content"]]).texts[0]}
            if turn["role"] == "user"
            else turn
            for turn in request["messages"]
        ]
        return {**request, "messages": messages}

    def filter_output(self, events: Iterator[Event], stop: StopDetails) -> Iterator[Event]:
        """Assess the whole text. Tool calls pass, as on AWS."""
        buffered = list(events)
        texts = [e["contentBlockDelta"]["delta"] for e in buffered if "contentBlockDelta" in e]
        if not texts or "text" not in texts[0]:
            yield from buffered
            return
        text = "".join(delta["text"] for delta in texts)
        outcome = assess(self._guardrail.policy, "OUTPUT", [text])
        self._output = outcome
        answer = outcome.texts[0]
        if outcome.blocked:
            answer = str(self._guardrail.policy["blockedOutputsMessaging"])
        if outcome.intervened:
            stop.reason = "guardrail_intervened"
        yield {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": answer}}}
        yield {"contentBlockStop": {"contentBlockIndex": 0}}

    def trace(self) -> Mapping[str, Any] | None:
        """Return the assessments of input and output by guardrail id."""
        if not self._traced:
            return None
        trace: dict[str, Any] = {}
        if self._input is not None:
            trace["inputAssessment"] = {self._guardrail.id: self._input.assessment}
        if self._output is not None:
            trace["outputAssessments"] = {self._guardrail.id: [self._output.assessment]}
        return trace


def _user_texts(params: Params) -> list[str]:
    users = [m["content"] for m in params.get("messages", ()) if m["role"] == "user"]
    blocks = [block for content in (*users, params.get("system", ())) for block in content]
    marked = [b["guardContent"]["text"]["text"] for b in blocks if "guardContent" in b]
    if marked:
        return marked
    return [block["text"] for content in users for block in content if "text" in block]


class GuardrailRuntime:
    """Finds the guard of a conversation, and serves ApplyGuardrail."""

    def __init__(self, surroundings: CloudContext, store: GuardrailStore) -> None:
        """Use the guardrails in `store`."""
        self._surroundings = surroundings
        self._store = store

    def find_guard(self, config: Mapping[str, Any] | None) -> ConversationGuard:
        """Return the guard for a `guardrailConfig`. Raises AwsError."""
        if config is None:
            return NoGuard()
        identifier, version = config.get("guardrailIdentifier"), config.get("guardrailVersion")
        if not identifier or not version:
            raise validation_error(
                "guardrailConfig needs both guardrailIdentifier and guardrailVersion."
            )
        traced = config.get("trace", "disabled") != "disabled"
        return GuardrailGuard(self._store.get(identifier, version), traced=traced)

    def apply_guardrail(self, params: Params) -> Result:
        """Assess the texts of the request."""
        guardrail = self._store.get(params["guardrailIdentifier"], params["guardrailVersion"])
        texts = [_content_text(block, position) for position, block in enumerate(params["content"])]
        outcome = assess(guardrail.policy, params["source"], texts)
        side = "Input" if params["source"] == "INPUT" else "Outputs"
        message = guardrail.policy[f"blocked{side}Messaging"]
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


def _content_text(block: Mapping[str, Any], position: int) -> str:
    if "text" not in block:
        raise validation_error(
            f"The local cloud's guardrails read text only; content.{position} has an image."
        )
    if {"grounding_source", "query"} & set(block["text"].get("qualifiers", ())):
        raise validation_error(
            "The local cloud's guardrails check no grounding;"
            f" content.{position} has qualifiers for it."
        )
    return str(block["text"]["text"])
