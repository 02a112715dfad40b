"""The format of an answer: text, JSON of a schema, or tool calls, enforced by the sampler.

A small model does not call tools reliably by itself. If a tool is forced or the answer must be
JSON of a schema, the sampler accepts only tokens that fit; otherwise it accepts text or a call.
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.bedrock.content import CALL_END, CALL_START, escape_control_tokens, validation_error
from localcloud.service import Params

_COMPACT = {"x-guidance": {"whitespace_flexible": False}}

FormatKind = Literal["text", "json", "tool", "any", "auto"]


@dataclass(frozen=True, slots=True)
class AnswerFormat:
    """The format that an answer must have.

    Attributes:
        kind: `text`, `json`, `tool` (a call of the tool `name`), `any` (a call of any tool) or
            `auto` (text or a call).
        request_fields: members of llama.cpp's request that make the sampler enforce the format.
        instruction: a sentence for the model's system prompt.
        name: the tool that must be called, for the kind `tool`.
        names: all tools of the request.
    """

    kind: FormatKind
    request_fields: Mapping[str, Any]
    instruction: str = ""
    name: str = ""
    names: frozenset[str] = frozenset()


def answer_format(params: Params) -> AnswerFormat:
    """Return the answer format that Converse's `params` require. Raises ValidationException."""
    tools = _tools(params.get("toolConfig"))
    schema = _output_schema(params.get("outputConfig"))
    if tools and schema is not None:
        raise validation_error(
            "The local model can't both use tools and keep to outputConfig; choose one."
        )
    if schema is not None:
        instruction = (
            f"Answer with JSON of this schema only: {escape_control_tokens(json.dumps(schema))}"
        )
        return AnswerFormat("json", _json_schema_request(schema), instruction)
    if not tools:
        return AnswerFormat("text", {})
    return _tool_choice_format(tools, params["toolConfig"].get("toolChoice") or {"auto": {}})


def _tool_choice_format(
    tools: Mapping[str, Mapping[str, Any]], choice: Mapping[str, Any]
) -> AnswerFormat:
    if len(choice) != 1:
        raise validation_error("The toolChoice must have exactly one of auto, any and tool.")
    (kind,) = choice
    names = frozenset(tools)
    name = choice["tool"]["name"] if kind == "tool" else next(iter(tools))
    if name not in tools:
        raise validation_error(
            f"The toolChoice names the tool {name}, and toolConfig.tools has "
            f"{_tool_names(tools)} only."
        )
    if kind == "tool" or (kind == "any" and len(tools) == 1):
        instruction = (
            f"Call the tool {name}: answer with its arguments as JSON. "
            f"{_describe_tool(tools[name])}"
        )
        return AnswerFormat(
            "tool", _json_schema_request(_schema(tools[name])), instruction, name, names
        )
    instruction = f"You have tools: {'; '.join(_describe_tool(tool) for tool in tools.values())}."
    call = {"anyOf": [_call_schema(tool) for tool in tools.values()], **_COMPACT}
    if kind == "any":
        return AnswerFormat(
            "any", _json_schema_request(call), f"{instruction} Call one of them.", "", names
        )
    instruction += (
        f" To call one, answer {CALL_START}{_CALL_EXAMPLE}{CALL_END}; else answer in words."
    )
    return AnswerFormat("auto", {"grammar": _text_or_call_grammar(call)}, instruction, "", names)


_CALL_EXAMPLE = '{"name": ..., "arguments": {...}}'


def _text_or_call_grammar(call: Mapping[str, Any]) -> str:
    """Return an llguidance grammar: a call between its marks, or text that begins otherwise."""
    return (
        f'%llguidance {{}}\nstart: "{CALL_START}" call "{CALL_END}" | text\n'
        f"call: %json {json.dumps(call)}\ntext: /[^<](.|\\n)*/\n"
    )


def _json_schema_request(schema: Mapping[str, Any]) -> dict[str, Any]:
    json_schema = {"name": "answer", "schema": {**schema, **_COMPACT}}
    return {"response_format": {"type": "json_schema", "json_schema": json_schema}}


def _tools(config: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    specs: dict[str, Mapping[str, Any]] = {}
    for position, tool in enumerate((config or {}).get("tools", ())):
        if set(tool) != {"toolSpec"}:
            raise validation_error(
                f"The local model has tools of toolSpec only; toolConfig.tools.{position} has "
                f"{', '.join(sorted(tool)) or 'nothing'}."
            )
        spec = tool["toolSpec"]
        if spec["name"] in specs:
            raise validation_error(
                f"The tool name {spec['name']} occurs twice; names must be unique."
            )
        path = f"toolConfig.tools.{position}.toolSpec.inputSchema.json"
        if _schema(spec).get("type") != "object":
            raise validation_error(
                f"The value at {path}.type must be one of the following: object."
            )
        _check_schema(_schema(spec), path)
        specs[spec["name"]] = spec
    return specs


def _schema(spec: Mapping[str, Any]) -> dict[str, Any]:
    schema = spec["inputSchema"].get("json")
    return schema if isinstance(schema, dict) else {}


def _call_schema(spec: Mapping[str, Any]) -> dict[str, Any]:
    members = {"name": {"const": spec["name"]}, "arguments": _schema(spec)}
    return {
        "type": "object",
        "properties": members,
        "required": list(members),
        "additionalProperties": False,
    }


def _describe_tool(spec: Mapping[str, Any]) -> str:
    description = f" ({spec['description']})" if spec.get("description") else ""
    return escape_control_tokens(
        f"{spec['name']}{description} with arguments of {json.dumps(_schema(spec))}"
    )


def _output_schema(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if config is None:
        return None
    if "effort" in config:
        raise validation_error(
            "The local model has no effort to choose; leave out outputConfig.effort."
        )
    text_format = config.get("textFormat")
    if text_format is None:
        return None
    try:
        schema = json.loads(text_format["structure"]["jsonSchema"]["schema"])
    except (KeyError, ValueError) as error:
        raise validation_error(
            "outputConfig.textFormat.structure.jsonSchema.schema must be a JSON Schema as text."
        ) from error
    if not isinstance(schema, dict):
        raise validation_error(
            "outputConfig.textFormat.structure.jsonSchema.schema must be an object."
        )
    _check_schema(schema, "outputConfig.textFormat.structure.jsonSchema.schema")
    return schema


def _check_schema(value: Any, path: str) -> None:
    """Raise ValidationException for a reference to another document.

    llama.cpp itself refuses schemas that it cannot sample by.
    """
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            raise validation_error(
                f"{path} refers to {reference}; only references within it are followed."
            )
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for item in items:
            _check_schema(item, path)


def _tool_names(tools: Mapping[str, Any]) -> str:
    return ", ".join(sorted(tools))
