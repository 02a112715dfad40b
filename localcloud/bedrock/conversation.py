"""What Converse is asked, checked, and in the words of llama.cpp's chat endpoint.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import Params

DEFAULT_MAX_TOKENS = 512
"""AWS defaults to the model's maximum; a small model left alone repeats itself up to there."""

DEFAULT_TEMPERATURE = 0.7
DEFAULT_TOP_P = 0.9

_UNDERSTOOD = frozenset({"modelId", "messages", "system", "inferenceConfig"})
_CANNOT = {
    "toolConfig": "use tools",
    "guardrailConfig": "apply guardrails",
    "additionalModelRequestFields": "take additional request fields",
    "additionalModelResponseFieldPaths": "return fields of another model's response",
    "promptVariables": "use managed prompts",
    "requestMetadata": "log request metadata",
    "outputConfig": "keep to an output schema",
    "performanceConfig": "change its latency",
    "serviceTier": "change its service tier",
    "projectIdentifier": "account to a project",
}
_CONTROL = "<|im_"


def invalid(message: str) -> AwsError:
    """Return a ValidationException."""
    return AwsError("ValidationException", message)


def chat_request(params: Params) -> dict[str, Any]:
    """Return Converse's `params` as a chat request. Raises ValidationException."""
    for name in params:
        if name not in _UNDERSTOOD:
            what = _CANNOT.get(name, f"understand {name}")
            raise invalid(f"The local model can't {what}; leave out {name}, or use AWS.")
    config = params.get("inferenceConfig", {})
    stops = config.get("stopSequences", [])
    if not all(stops):
        raise invalid("The stop sequences must not be empty.")
    return {
        "messages": [*_system(params.get("system", [])), *_turns(params.get("messages", []))],
        "max_tokens": config.get("maxTokens", DEFAULT_MAX_TOKENS),
        "temperature": config.get("temperature", DEFAULT_TEMPERATURE),
        "top_p": config.get("topP", DEFAULT_TOP_P),
        "stop": stops,
    }


def _system(blocks: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    texts = [_text(block, f"system.{place}") for place, block in enumerate(blocks)]
    return [{"role": "system", "content": "\n\n".join(texts)}] if texts else []


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if not messages:
        raise invalid("A conversation must have at least one message.")
    turns: list[dict[str, str]] = []
    for place, message in enumerate(messages):
        _check_turn(place, message["role"])
        blocks = message["content"]
        if not blocks:
            raise invalid(f"The content of messages.{place} is empty.")
        texts = [_text(block, f"messages.{place}.content.{n}") for n, block in enumerate(blocks)]
        turns.append({"role": message["role"], "content": "\n\n".join(texts)})
    if turns[-1]["role"] != "user":
        raise invalid(
            "A conversation must end with a user message."
            " Try again with a conversation that ends with a user message."
        )
    return turns


def _check_turn(place: int, role: str) -> None:
    if role != ("user", "assistant")[place % 2]:
        if place == 0:
            raise invalid(
                "A conversation must start with a user message."
                " Try again with a conversation that starts with a user message."
            )
        raise invalid(
            "A conversation must alternate between user and assistant roles."
            " Make sure the conversation alternates between user and assistant roles and try again."
        )


def _text(block: Mapping[str, Any], path: str) -> str:
    if set(block) != {"text"}:
        kinds = ", ".join(sorted(block)) or "nothing"
        raise invalid(f"The local model reads text only; {path} has {kinds}.")
    text = str(block["text"])
    if not text.strip():
        raise invalid(
            f"The text field in the ContentBlock object at {path} is blank."
            " Add text to the text field, and try again."
        )
    # The template's own marks are one token each; apart they are text, and end no turn.
    return text.replace(_CONTROL, "<| im_")
