"""A tool of the server: its arguments, the routes of the API behind it, and its output. Pure.

https://modelcontextprotocol.io/specification/2026-07-28/server/tools
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from chalicelib.mcp.api_calls import ApiCall, ApiCaller, ApiRefusalError
from chalicelib.mcp.jsonrpc import Json

Arguments = Mapping[str, JsonValue]
BAD_REQUEST = 400
ACCEPTED = 202
MAX_WORD_CHARACTERS = 2_048
"""Characters of an argument that goes into a path or a query, as HTTP bounds them for others."""
_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class ToolRoute:
    """A route that a tool calls, and the key of its response in the structured content.

    The key is "" where the response is the whole content.
    """

    method: str
    route: str
    status: int = 200
    key: str = ""

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables of the path."""
        return tuple(_VARIABLE.findall(self.route))


@dataclass(frozen=True, slots=True)
class ToolArgument:
    """An argument of a tool.

    Attributes:
        name: Its name, which is that of the route's field, parameter or variable.
        description: What it is for, told to a language model.
        schema: Its JSON Schema; None takes that of the tool's first route.
        required: Whether a call must have it.
    """

    name: str
    description: str
    schema: Mapping[str, JsonValue] | None = None
    required: bool = False


PAGING = (
    ToolArgument("limit", "How many to return at most."),
    ToolArgument("cursor", "next_cursor of the call before."),
)
"""Arguments of tools that list things a page at a time."""


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """The output of a tool, of which `tool_results` makes the result of the protocol.

    Attributes:
        structured: The structured content, valid by the tool's output schema.
        content: Content blocks for a language model; () has the structured content as text.
        receipt: The receipt of the route, None if it has none.
        job_id: The job that the tool began, "" for none.
    """

    structured: Json
    content: tuple[Json, ...] = ()
    receipt: JsonValue = None
    job_id: str = ""


def text_block(text: str) -> Json:
    """Return a content block of text."""
    return {"type": "text", "text": text}


def image_block(data: str, media_type: str) -> Json:
    """Return a content block with a picture, in base64."""
    return {"type": "image", "data": data, "mimeType": media_type}


RunTool = Callable[["McpTool", Arguments, ApiCaller, str], ToolOutput]
"""Runs a tool with arguments; the last one is the idempotency key, "" for none."""


def call_first_route(
    tool: McpTool, arguments: Arguments, api: ApiCaller, idempotency_key: str
) -> ToolOutput:
    """Call the tool's first route with the arguments, and return its response."""
    response = api.call(route_call(tool.routes[0], arguments, idempotency_key))
    return whole_output(response.body)


@dataclass(frozen=True, slots=True)
class McpTool:
    """A tool: what `tools/list` says of it, and the function that runs it.

    Attributes:
        name: Its name.
        title: Its name for people.
        description: What it does, told to a language model.
        routes: The routes whose responses it returns; the first one has its arguments.
        arguments: Its arguments; others are refused by name.
        read_only: Whether nothing is changed by it.
        destructive: Whether it removes or overwrites something.
        repeatable: Whether the same call again changes nothing more; of one that reads it is said
            by `read_only`.
        run: Runs it; by default the first route is called with the arguments.
    """

    name: str
    title: str
    description: str
    routes: tuple[ToolRoute, ...]
    arguments: tuple[ToolArgument, ...] = ()
    read_only: bool = False
    destructive: bool = False
    repeatable: bool = False
    run: RunTool = field(default=call_first_route)

    @property
    def idempotent(self) -> bool:
        """Whether the same call again changes nothing more (`idempotentHint`)."""
        return self.read_only or self.repeatable

    def check(self, arguments: Arguments) -> None:
        """Raise `ApiRefusalError` for an argument that is unknown or missing."""
        known = [argument.name for argument in self.arguments]
        for name in arguments:
            if name not in known:
                listed = ", ".join(known) or "none"
                raise invalid_argument(
                    f"Unknown argument {name[:100]!r}; known are {listed}.", name[:100], listed
                )
        for argument in self.arguments:
            if argument.required and arguments.get(argument.name) is None:
                raise invalid_argument(
                    f"The argument {argument.name!r} is required.", argument.name
                )


def invalid_argument(message: str, name: str, limit: str | None = None) -> ApiRefusalError:
    """Return the error of an argument, with the fields of the API's own `InvalidInput`."""
    return ApiRefusalError(
        BAD_REQUEST, {"type": "InvalidInput", "message": message, "field": name, "limit": limit}
    )


def route_call(route: ToolRoute, arguments: Arguments, idempotency_key: str = "") -> ApiCall:
    """Return the call of `route`; arguments that are null are left out."""
    given = {name: value for name, value in arguments.items() if value is not None}
    path = {name: _word(name, given.pop(name, None)) for name in route.variables}
    if route.method in {"GET", "DELETE"}:
        query = {name: _word(name, value) for name, value in given.items()}
        return ApiCall(route.method, route.route, path, query)
    return ApiCall(route.method, route.route, path, body=given, idempotency_key=idempotency_key)


def _word(name: str, value: JsonValue) -> str:
    """Return an argument as the text of a path or a query."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float) and 0 < len(str(value)) <= MAX_WORD_CHARACTERS:
        return str(value)
    raise invalid_argument(
        f"The argument {name!r} is a number, or a text of 1 to {MAX_WORD_CHARACTERS} characters.",
        name,
        str(MAX_WORD_CHARACTERS),
    )


def whole_output(body: Json) -> ToolOutput:
    """Return a response as the output of a tool; its receipt stands apart."""
    structured = {name: value for name, value in body.items() if name != "receipt"}
    return ToolOutput(structured, receipt=body.get("receipt"))
