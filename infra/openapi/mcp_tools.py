"""Build `mcp_tools.json`, the response to `tools/list`, with schemas from the OpenAPI document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.mcp.model_tools import IMAGE_FIELDS
from chalicelib.mcp.tool import McpTool, ToolArgument, ToolRoute
from chalicelib.mcp.tools import TOOLS

Json = Any

_REFERENCE = re.compile(r"#/components/schemas/([\w.-]+)")
_DRAWN: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in IMAGE_FIELDS},
        "images": {"type": "integer", "description": "How many pictures the content has."},
        "media_type": {"type": "string"},
    },
    "required": [*IMAGE_FIELDS, "images", "media_type"],
}
_UPLOADED: Mapping[str, Json] = {
    "type": "object",
    "properties": {
        "document_id": {"type": "string"},
        "uploaded": {"type": "boolean", "description": "Whether the file is there already."},
        "upload": {
            "description": "Where to send the file as a multipart form, and the fields before it.",
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"url": {"type": "string"}, "fields": {"type": "object"}},
                },
                {"type": "null"},
            ],
        },
        "expires_at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    },
    "required": ["document_id", "uploaded", "upload", "expires_at"],
}
MAX_PATTERN = 60
_LIMITS = frozenset(
    {
        *("pattern", "format", "default", "minLength", "maxLength", "minItems", "maxItems"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    }
)
_OUTPUTS: Mapping[str, Mapping[str, Json]] = {"generate_image": _DRAWN, "put_document": _UPLOADED}
"""Output schemas of tools that do not return the response of a route."""


def listed_tools(document: Mapping[str, Json]) -> list[Json]:
    """Return the items of `tools/list`, with schemas from the API's OpenAPI `document`.

    Raises:
        KeyError: A tool has an argument that its route does not.
    """
    return [_listed(tool, document) for tool in TOOLS]


def tools_file(document: Mapping[str, Json]) -> str:
    """Return the file that the server reads: its version, and a line for each tool."""
    lines = ",\n".join(
        json.dumps(tool, ensure_ascii=False, separators=(",", ":"))
        for tool in listed_tools(document)
    )
    version = json.dumps(document["info"]["version"])
    return f'{{"version":{version},"tools":[\n{lines}\n]}}\n'


def _listed(tool: McpTool, document: Mapping[str, Json]) -> Json:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": _input_schema(tool, document),
        "outputSchema": _result(_output_schema(tool, document)),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.read_only,
            "destructiveHint": tool.destructive,
            "idempotentHint": tool.idempotent,
            "openWorldHint": False,
        },
    }


def _input_schema(tool: McpTool, document: Mapping[str, Json]) -> Json:
    """Return the schema of a tool's arguments, less what a model need not be told."""
    properties = {
        argument.name: _argument_schema(tool.routes[0], argument, document)
        for argument in tool.arguments
    }
    required = [argument.name for argument in tool.arguments if argument.required]
    schema = {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }
    return _without_nulls(_with_definitions(schema, document))


def _argument_schema(
    route: ToolRoute, argument: ToolArgument, document: Mapping[str, Json]
) -> Json:
    if argument.schema is not None:
        return {**argument.schema, "description": argument.description}
    operation = document["paths"][route.route][route.method.lower()]
    found = _parameters(operation) if route.method == "GET" else _fields(operation, document)
    if argument.name in route.variables:
        found = {name: {"type": "string"} for name in route.variables}
    return {**_without_nulls(found[argument.name]), "description": argument.description}


def _parameters(operation: Mapping[str, Json]) -> Mapping[str, Json]:
    given = operation.get("parameters", ())
    return {each["name"]: each["schema"] for each in given if each.get("in") == "query"}


def _fields(operation: Mapping[str, Json], document: Mapping[str, Json]) -> Mapping[str, Json]:
    if "requestBody" not in operation:
        return {}
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    fields: Mapping[str, Json] = _resolved(schema, document)["properties"]
    return fields


def _without_nulls(schema: Json) -> Json:
    """Return a schema without nulls and long patterns, wherever it is.

    A client leaves out an argument that it does not set, and the route checks patterns.
    """
    if isinstance(schema, list):
        return [_without_nulls(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        name: _without_nulls(each)
        for name, each in schema.items()
        if not (name == "pattern" and len(str(each)) > MAX_PATTERN)
    }
    if "anyOf" not in kept:
        return kept
    choices = [each for each in kept.pop("anyOf") if each != {"type": "null"}]
    return {**kept, **choices[0]} if len(choices) == 1 else {**kept, "anyOf": choices}


def _output_schema(tool: McpTool, document: Mapping[str, Json]) -> Json:
    if tool.name in _OUTPUTS:
        return _OUTPUTS[tool.name]
    if not tool.routes[0].key:
        return _with_definitions(_response(tool.routes[0], document), document)
    keys = [route.key for route in tool.routes]
    schema = {
        "type": "object",
        **({"description": f"One of {' and '.join(keys)}; the other is null."} if keys[1:] else {}),
        "properties": {
            route.key: {"anyOf": [_response(route, document), {"type": "null"}]}
            for route in tool.routes
        },
        "required": keys,
    }
    return _with_definitions(schema, document)


def _response(route: ToolRoute, document: Mapping[str, Json]) -> Json:
    """Return the schema of a response without its receipt, which stands in `_meta`."""
    responses = document["paths"][route.route][route.method.lower()]["responses"]
    content = responses[str(route.status)]["content"]["application/json"]["schema"]
    schema = _plain(_resolved(content, document))
    without = {name: each for name, each in schema["properties"].items() if name != "receipt"}
    required = [name for name in schema.get("required", ()) if name != "receipt"]
    return {**schema, "properties": without, "required": required}


def _result(schema: Json) -> Json:
    """Return the schema of a result without limits and defaults, which bind nobody who reads."""
    if isinstance(schema, list):
        return [_result(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _result(each)
        for name, each in schema.items()
        if not (name in _LIMITS and not isinstance(each, dict))
    }


def _plain(schema: Json) -> Json:
    """Return a schema without descriptions, to keep the list small; docs/api.md has them."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: _plain(each)
        for name, each in schema.items()
        if not (name == "description" and isinstance(each, str))
    }


def _resolved(schema: Mapping[str, Json], document: Mapping[str, Json]) -> Mapping[str, Json]:
    found: Mapping[str, Json] = schema
    while "$ref" in found:
        found = document["components"]["schemas"][found["$ref"].rpartition("/")[2]]
    return found


def _with_definitions(schema: Json, document: Mapping[str, Json]) -> Json:
    """Return a schema that stands alone: what it refers to is under `$defs`."""
    definitions = {
        name: _plain(document["components"]["schemas"][name])
        for name in sorted(_reached(schema, document))
    }
    whole = {**schema, "$defs": definitions} if definitions else schema
    return json.loads(_REFERENCE.sub(r"#/$defs/\1", json.dumps(whole)))


def _reached(schema: Json, document: Mapping[str, Json]) -> set[str]:
    reached: set[str] = set()
    waiting = [*_names(schema)]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += _names(document["components"]["schemas"][name])
    return reached


def _names(schema: Json) -> Iterator[str]:
    yield from _REFERENCE.findall(json.dumps(schema))
