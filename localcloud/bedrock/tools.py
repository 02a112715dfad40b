"""Tools, and answers that keep to a schema: what llama.cpp is told, so that nothing else comes.

A small model calls no tool reliably by itself. Where the choice is forced, or the answer must be
JSON of a schema, the sampler lets through only what fits; where it is not, only text or a call.
https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.bedrock.content import CALL_CLOSES, CALL_OPENS, invalid, plain
from localcloud.service import Params

_COMPACT = {"x-guidance": {"whitespace_flexible": False}}

Kind = Literal["text", "json", "tool", "any", "auto"]


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer is to be: text, JSON, a call of the tool `name`, of any, or text or a call.

    `told` goes to the model as an instruction, `request` to llama.cpp.
    """

    kind: Kind
    request: Mapping[str, Any]
    told: str = ""
    name: str = ""
    names: frozenset[str] = frozenset()


def expected(params: Params) -> Expected:
    """Return what the answer to a call of Converse is to be. Raises ValidationException."""
    tools = _tools(params.get("toolConfig"))
    schema = _output_schema(params.get("outputConfig"))
    if tools and schema is not None:
        raise invalid("The local model can't both use tools and keep to outputConfig; choose one.")
    if schema is not None:
        told = f"Answer with JSON of this schema only: {plain(json.dumps(schema))}"
        return Expected("json", _constrained(schema), told)
    if not tools:
        return Expected("text", {})
    return _choice(tools, params["toolConfig"].get("toolChoice") or {"auto": {}})


def _choice(tools: Mapping[str, Mapping[str, Any]], choice: Mapping[str, Any]) -> Expected:
    if len(choice) != 1:
        raise invalid("The toolChoice must have exactly one of auto, any and tool.")
    (kind,) = choice
    names = frozenset(tools)
    name = choice["tool"]["name"] if kind == "tool" else next(iter(tools))
    if name not in tools:
        raise invalid(
            f"The toolChoice names the tool {name}, and toolConfig.tools has {_listed(tools)} only."
        )
    if kind == "tool" or (kind == "any" and len(tools) == 1):
        told = f"Call the tool {name}: answer with its arguments as JSON. {_described(tools[name])}"
        return Expected("tool", _constrained(_schema(tools[name])), told, name, names)
    told = f"You have tools: {'; '.join(_described(tool) for tool in tools.values())}."
    call = {"anyOf": [_call_schema(tool) for tool in tools.values()], **_COMPACT}
    if kind == "any":
        return Expected("any", _constrained(call), f"{told} Call one of them.", "", names)
    told = f"{told} To call one, answer {CALL_OPENS}{_EXAMPLE}{CALL_CLOSES}; else answer in words."
    return Expected("auto", {"grammar": _either(call)}, told, "", names)


_EXAMPLE = '{"name": ..., "arguments": {...}}'


def _either(call: Mapping[str, Any]) -> str:
    """Return a grammar of llguidance: a call between its marks, or text that begins otherwise."""
    return (
        f'%llguidance {{}}\nstart: "{CALL_OPENS}" call "{CALL_CLOSES}" | text\n'
        f"call: %json {json.dumps(call)}\ntext: /[^<](.|\\n)*/\n"
    )


def _constrained(schema: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {"name": "answer", "schema": {**schema, **_COMPACT}}
    return {"response_format": {"type": "json_schema", "json_schema": wanted}}


def _tools(config: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for place, tool in enumerate((config or {}).get("tools", ())):
        if set(tool) != {"toolSpec"}:
            raise invalid(
                f"The local model has tools of toolSpec only; toolConfig.tools.{place} has "
                f"{', '.join(sorted(tool)) or 'nothing'}."
            )
        spec = tool["toolSpec"]
        if spec["name"] in found:
            raise invalid(f"The tool name {spec['name']} is there twice; names must be unique.")
        path = f"toolConfig.tools.{place}.toolSpec.inputSchema.json"
        if _schema(spec).get("type") != "object":
            raise invalid(f"The value at {path}.type must be one of the following: object.")
        _check_schema(_schema(spec), path)
        found[spec["name"]] = spec
    return found


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


def _described(spec: Mapping[str, Any]) -> str:
    about = f" ({spec['description']})" if spec.get("description") else ""
    return plain(f"{spec['name']}{about} with arguments of {json.dumps(_schema(spec))}")


def _output_schema(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if config is None:
        return None
    if "effort" in config:
        raise invalid("The local model has no effort to choose; leave out outputConfig.effort.")
    wanted = config.get("textFormat")
    if wanted is None:
        return None
    try:
        schema = json.loads(wanted["structure"]["jsonSchema"]["schema"])
    except (KeyError, ValueError) as error:
        raise invalid(
            "outputConfig.textFormat.structure.jsonSchema.schema must be a JSON Schema as text."
        ) from error
    if not isinstance(schema, dict):
        raise invalid("outputConfig.textFormat.structure.jsonSchema.schema must be an object.")
    _check_schema(schema, "outputConfig.textFormat.structure.jsonSchema.schema")
    return schema


def _check_schema(value: Any, path: str) -> None:
    """Refuse a schema that is not here whole; llama.cpp itself refuses what it can't sample."""
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            raise invalid(f"{path} refers to {reference}; only references within it are followed.")
    items = value.values() if isinstance(value, dict) else value
    if isinstance(value, dict | list):
        for item in items:
            _check_schema(item, path)


def _listed(tools: Mapping[str, Any]) -> str:
    return ", ".join(sorted(tools))
