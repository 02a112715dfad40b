"""What Converse is asked, checked, and in the words of llama.cpp's chat endpoint.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.bedrock.content import invalid, text_of
from localcloud.bedrock.tools import Expected, expected
from localcloud.service import Params

DEFAULT_MAX_TOKENS = 512
"""AWS defaults to the model's maximum; a small model left alone repeats itself up to there."""

DEFAULT_TEMPERATURE = 0.7
DEFAULT_TOP_P = 0.9

_UNDERSTOOD = frozenset(
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
_CANNOT = {
    "additionalModelResponseFieldPaths": "return fields of another model's response",
    "promptVariables": "use managed prompts",
    "performanceConfig": "change its latency",
    "projectIdentifier": "account to a project",
}
_TIERS = ("default", "flex")


def chat_request(params: Params, wanted: Expected | None = None) -> dict[str, Any]:
    """Return Converse's `params` as a chat request for an answer that is `wanted`.

    Raises ValidationException.
    """
    for name in params:
        if name not in _UNDERSTOOD:
            what = _CANNOT.get(name, f"understand {name}")
            raise invalid(f"The local model can't {what}; leave out {name}, or use AWS.")
    wanted = wanted or expected(params)
    service_tier(params)
    config = params.get("inferenceConfig", {})
    stops = config.get("stopSequences", [])
    if not all(stops):
        raise invalid("The stop sequences must not be empty.")
    if wanted.kind == "text":
        _refuse_tools(params.get("messages", []))
    turns = _turns(params.get("messages", []))
    return {
        "messages": [*_system(params.get("system", []), wanted.told), *turns],
        "max_tokens": config.get("maxTokens", DEFAULT_MAX_TOKENS),
        "temperature": config.get("temperature", DEFAULT_TEMPERATURE),
        "top_p": config.get("topP", DEFAULT_TOP_P),
        "stop": stops,
        **_further(params.get("additionalModelRequestFields") or {}),
        **wanted.request,
    }


def service_tier(params: Params) -> str | None:
    """Return the tier that is asked for, None where none is. Raises ValidationException.

    https://docs.aws.amazon.com/bedrock/latest/userguide/service-tiers-inference.html
    """
    tier = (params.get("serviceTier") or {}).get("type")
    if tier is not None and tier not in _TIERS:
        raise invalid(
            f"The local cloud has the service tiers {' and '.join(_TIERS)}, not {tier}; "
            "leave out serviceTier, or use AWS."
        )
    return tier


def _further(fields: Any) -> dict[str, Any]:
    """Return what llama.cpp takes of another model's own parameters: `top_k`, and no other."""
    unknown = sorted(set(fields) - {"top_k"}) if isinstance(fields, Mapping) else ["fields"]
    if unknown:
        raise invalid(
            f"The local model can't take the additional request field {unknown[0]}; "
            "it takes top_k only."
        )
    top_k = fields.get("top_k", 1)
    if isinstance(top_k, bool) or not isinstance(top_k, int) or not 0 <= top_k <= 500:
        raise invalid("The additional request field top_k must be a whole number from 0 to 500.")
    return dict(fields)


def _system(blocks: Sequence[Mapping[str, Any]], told: str) -> list[dict[str, str]]:
    texts = [text_of(block, f"system.{place}") for place, block in enumerate(blocks)]
    texts += [told] if told else []
    return [{"role": "system", "content": "\n\n".join(texts)}] if texts else []


def _refuse_tools(messages: Sequence[Mapping[str, Any]]) -> None:
    if any({"toolUse", "toolResult"} & set(block) for m in messages for block in m["content"]):
        raise invalid(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )


def _turns(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    if not messages:
        raise invalid("A conversation must have at least one message.")
    turns: list[dict[str, str]] = []
    called: set[str] = set()
    for place, message in enumerate(messages):
        _check_turn(place, message["role"])
        blocks = message["content"]
        if not blocks:
            raise invalid(f"The content of messages.{place} is empty.")
        called = _check_calls(place, blocks, called)
        texts = [text_of(block, f"messages.{place}.content.{n}") for n, block in enumerate(blocks)]
        turns.append({"role": message["role"], "content": "\n\n".join(texts)})
    if turns[-1]["role"] != "user":
        raise invalid(
            "A conversation must end with a user message."
            " Try again with a conversation that ends with a user message."
        )
    return turns


def _check_calls(place: int, blocks: Sequence[Mapping[str, Any]], called: set[str]) -> set[str]:
    """Return the calls of a turn; every result must be of one, and every one have its result."""
    results = {block["toolResult"]["toolUseId"] for block in blocks if "toolResult" in block}
    if results - called:
        raise invalid(
            f"The number of toolResult blocks at messages.{place}.content exceeds the number of "
            "toolUse blocks of previous turn."
        )
    if called - results:
        raise invalid(
            f"Expected toolResult blocks at messages.{place}.content for the following Ids: "
            f"{', '.join(sorted(called - results))}"
        )
    return {block["toolUse"]["toolUseId"] for block in blocks if "toolUse" in block}


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
