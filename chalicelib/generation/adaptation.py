"""Adaptation of a call to its model: what the model does not accept is left out.

Pure. If a model's API cannot guarantee JSON, the prompt asks for it in words, and a check validates
the answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ImageCall,
    JsonOutput,
    Message,
    TextPart,
)
from chalicelib.generation.bodies.structured_output import narrow_schema
from chalicelib.generation.models import BedrockBackend, ServedModel

MAX_TEMPERATURE = 1.0
"""The highest temperature of Converse; OpenAI's API goes to 2.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InferenceConfiguration.html
"""
_SAMPLING = ("temperature", "top_p", "seed")
_DRAWING: Mapping[str, Any] = {"negative_prompt": "", "steps": None, "guidance": None}
"""Optional fields of a call for images, with the values that mean that they are left out."""
JSON_WORDS = "Reply with one JSON object and nothing else: no words around it, no Markdown."
SCHEMA_WORDS = "It keeps to this JSON Schema:"
_MOST_REASON = 500


def adapt_call(call: Call, model: ServedModel) -> Call:
    """Return `call` without what `model` does not accept."""
    if isinstance(call, ImageCall):
        unused = {name: _DRAWING[name] for name in _DRAWING.keys() & set(model.refuses)}
        return call.model_copy(update=unused)
    if not isinstance(call, ChatCall):
        return call
    change: dict[str, Any] = dict.fromkeys(_refused_fields(call, model))
    temperature = None if "temperature" in change else call.temperature
    if temperature is not None:
        change["temperature"] = min(temperature, MAX_TEMPERATURE)
    json_output = call.json_output
    if json_output is not None and asks_json_in_words(
        model,
        has_schema=json_output.json_schema is not None,
        by_bedrock=fits_bedrock_schema(json_output),
    ):
        change["json_output"] = None
        change["system"] = "\n\n".join(filter(None, (call.system, _json_instruction(json_output))))
    return call.model_copy(update=change)


def repair_call(call: ChatCall, text: str, reason: str) -> ChatCall:
    """Return a call that asks to correct the answer `text`, which failed for `reason`."""
    words = (
        f"That is not the JSON that was asked for: {reason[:_MOST_REASON]}. "
        "Reply with the corrected JSON and nothing else."
    )
    turns = (
        Message(role="assistant", content=(TextPart(text=text or "(nothing)"),)),
        Message(role="user", content=(TextPart(text=words),)),
    )
    return call.model_copy(update={"messages": (*call.messages, *turns)})


def _refused_fields(call: ChatCall, model: ServedModel) -> set[str]:
    given_fields = {name for name in _SAMPLING if getattr(call, name) is not None}
    left_out = set()
    for refused in model.refuses:
        first, _, second = refused.partition("+")
        if second and {first, second} <= given_fields:
            left_out.add(second)
        elif not second and first in given_fields:
            left_out.add(first)
    return left_out


def fits_bedrock_schema(wanted: JsonOutput) -> bool:
    """Return whether Bedrock's structured output supports the schema of `wanted`."""
    return wanted.json_schema is not None and narrow_schema(wanted.json_schema) is not None


def asks_json_in_words(model: ServedModel, *, has_schema: bool, by_bedrock: bool) -> bool:
    """Return whether `model` is asked for JSON in the prompt rather than by its API."""
    if not has_schema or "json_schema" not in model.abilities:
        return True
    return isinstance(model.backend, BedrockBackend) and not by_bedrock


def _json_instruction(wanted: JsonOutput) -> str:
    if wanted.json_schema is None:
        return JSON_WORDS
    return f"{JSON_WORDS} {SCHEMA_WORDS}\n{json.dumps(dict(wanted.json_schema))}"
