"""Converts a request of Converse to one of llama.cpp's chat endpoint, with all checks.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.bedrock.answer_format import AnswerFormat, answer_format
from localcloud.bedrock.content import block_text, validation_error
from localcloud.service import Params

DEFAULT_MAX_TOKENS = 512
"""AWS's default is the model's maximum, up to which a small model would repeat itself."""

DEFAULT_TEMPERATURE = 0.7
DEFAULT_TOP_P = 0.9

_SUPPORTED_FIELDS = frozenset(
    {
        "modelId",
        "messages",
        "system",
        "inferenceConfig",
        "toolConfig",
        "outputConfig",
        "guardrailConfig",
        "requestMetadata",
        "serviceTier",
        "additionalModelRequestFields",
    }
)
_UNSUPPORTED_FIELDS = {
    "additionalModelResponseFieldPaths": "return fields of another model's response",
    "promptVariables": "use managed prompts",
    "performanceConfig": "change its latency",
    "projectIdentifier": "account to a project",
}
_TIERS = ("default", "flex")


def chat_request(params: Params, wanted: AnswerFormat | None = None) -> dict[str, Any]:
    """Return the chat request for Converse's `params`. Raises ValidationException.

    `wanted` is the answer format if the caller has derived it from `params` already.
    """
    for name in params:
        if name not in _SUPPORTED_FIELDS:
            feature = _UNSUPPORTED_FIELDS.get(name, f"understand {name}")
            raise validation_error(
                f"The local model can't {feature}; leave out {name}, or use AWS."
            )
    wanted = wanted or answer_format(params)
    service_tier(params)
    config = params.get("inferenceConfig", {})
    stops = config.get("stopSequences", [])
    if not all(stops):
        raise validation_error("The stop sequences must not be empty.")
    if wanted.kind == "text":
        _refuse_tools(params.get("messages", []))
    turns = _turns(params.get("messages", []))
    return {
        "messages": [*_system(params.get("system", []), wanted.instruction), *turns],
        "max_tokens": config.get("maxTokens", DEFAULT_MAX_TOKENS),
        "temperature": config.get("temperature", DEFAULT_TEMPERATURE),
        "top_p": config.get("topP", DEFAULT_TOP_P),
        "stop": stops,
        **_additional_fields(params.get("additionalModelRequestFields") or {}),
        **wanted.request_fields,
    }


def service_tier(params: Params) -> str | None:
    """Return the requested service tier, or None. Raises ValidationException.

    https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
    """
    tier = (params.get("serviceTier") or {}).get("type")
    if tier is not None and tier not in _TIERS:
        raise validation_error(
            f"The local cloud has the service tiers {' and '.join(_TIERS)}, not {tier}; "
            "leave out serviceTier, or use AWS."
        )
    return tier


def _additional_fields(fields: Any) -> dict[str, Any]:
    """Return the additional request fields: llama.cpp has `top_k` and no other of them."""
    unknown = sorted(set(fields) - {"top_k"}) if isinstance(fields, Mapping) else ["fields"]
    if unknown:
        raise validation_error(
            f"The local model can't take the additional request field {unknown[0]}; "
            "it takes top_k only."
        )
    top_k = fields.get("top_k", 1)
    if isinstance(top_k, bool) or not isinstance(top_k, int) or not 0 <= top_k <= 500:
        raise validation_error(
            "The additional request field top_k must be a whole number from 0 to 500."
        )
    return dict(fields)


def _system(blocks: Sequence[Mapping[str, Any]], instruction: str) -> list[dict[str, str]]:
    texts = [block_text(block, f"system.{position}") for position, block in enumerate(blocks)]
    texts += [instruction] if instruction else []
    return [{"role": "system", "content": "\n\n".join(texts)}] if texts else []


def _refuse_tools(messages: Sequence[Mapping[str, Any]]) -> None:
    if any({"toolUse", "toolResult"} & set(block) for m in messages for block in m["content"]):
        raise validation_error(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if not messages:
        raise validation_error("A conversation must have at least one message.")
    turns: list[dict[str, str]] = []
    called: set[str] = set()
    for position, message in enumerate(messages):
        _check_turn(position, message["role"])
        blocks = message["content"]
        if not blocks:
            raise validation_error(f"The content of messages.{position} is empty.")
        called = _check_tool_results(position, blocks, called)
        texts = [
            block_text(block, f"messages.{position}.content.{n}") for n, block in enumerate(blocks)
        ]
        turns.append({"role": message["role"], "content": "\n\n".join(texts)})
    if turns[-1]["role"] != "user":
        raise validation_error(
            "A conversation must end with a user message."
            " Try again with a conversation that ends with a user message."
        )
    return turns


def _check_tool_results(
    position: int, blocks: Sequence[Mapping[str, Any]], called: set[str]
) -> set[str]:
    """Return the ids of a turn's tool calls.

    Raises ValidationException unless the turn has a result for each call of the previous turn.
    """
    results = {block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block}
    if results - called:
        raise validation_error(
            f"The number of toolResult blocks at messages.{position}.content exceeds the number of "
            "toolUse blocks of previous turn."
        )
    if called - results:
        raise validation_error(
            f"Expected toolResult blocks at messages.{position}.content for the following Ids: "
            f"{', '.join(sorted(called - results))}"
        )
    return {block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block}


def _check_turn(position: int, role: str) -> None:
    if role != ("user", "assistant")[position % 2]:
        if position == 0:
            raise validation_error(
                "A conversation must start with a user message."
                " Try again with a conversation that starts with a user message."
            )
        raise validation_error(
            "A conversation must alternate between user and assistant roles."
            " Make sure the conversation alternates between user and assistant roles and try again."
        )
