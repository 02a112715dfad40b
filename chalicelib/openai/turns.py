"""Conversions that chat completions and responses share: turns, images, tools, JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from chalicelib.contracts.generations import (
    ImagePart,
    JsonOutput,
    Message,
    Part,
    ServiceTier,
    Terms,
    TextPart,
    Tool,
)
from chalicelib.contracts.openai.base import Choosing
from chalicelib.errors import InvalidInput, Unsupported

DEFAULT_MAX_TOKENS = 2_048
"""Output tokens if the request names no limit. OpenAI takes the model's own limit then, which no
budget would reserve."""

Role = Literal["user", "assistant"]

_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|webp|gif));base64,([A-Za-z0-9+/=\s]*)\Z")
_TIERS: Mapping[str, ServiceTier] = {"flex": "flex"}


def merge_turns(said: Iterable[tuple[Role, Sequence[Part]]], field: str) -> Iterator[Message]:
    """Yield a conversation in turns, merging neighbours of one role, as models require.

    Raises:
        InvalidInput: There is no message; it names `field`.
    """
    speaker: Role | None = None
    parts: list[Part] = []
    for role, more in said:
        if speaker is not None and role != speaker:
            yield Message(role=speaker, content=tuple(parts))
            parts = []
        speaker = role
        parts += more
    if speaker is None:
        raise InvalidInput(
            f"{field} has to hold something that is not an instruction.", field=field
        )
    yield Message(role=speaker, content=tuple(parts))


def parse_image_url(url: str, field: str) -> ImagePart:
    """Return the image of a `data:` URL; raise `InvalidInput` for any other URL."""
    found = _DATA_URL.match(url)
    if found is None:
        raise InvalidInput(
            "A picture has to come as data:image/png;base64,… (or jpeg, webp, gif): nothing is"
            " fetched from other addresses.",
            field=field,
        )
    try:
        return ImagePart.model_validate({"media_type": found[1], "data": found[2]})
    except ValueError as error:
        raise InvalidInput("The picture is not valid base64.", field=field) from error


def join_texts(parts: Iterable[Part], field: str) -> str:
    """Return the joined text of `parts`; raise `InvalidInput` if one is not text."""
    pieces = []
    for part in parts:
        if not isinstance(part, TextPart):
            raise InvalidInput(f"{field} may hold text only.", field=field)
        pieces.append(part.text)
    return "".join(pieces)


def function_tool(
    name: str, description: str | None, parameters: Mapping[str, Any] | None, field: str
) -> Tool:
    """Return a function that a model may call.

    Raises:
        InvalidInput: The name is not valid; it names `field`.
    """
    try:
        return Tool(name=name, description=description or "", parameters=parameters or {})
    except ValueError as error:
        raise InvalidInput(
            "A function's name is 1 to 64 letters, digits, _ and -.", field=field, limit="64"
        ) from error


def tool_choice(choice: str | None, tools: Sequence[Tool], *, named: bool) -> str:
    """Return the tool choice: auto, none, required, or the name of a tool if `named`.

    Raises:
        InvalidInput: The named tool is not among `tools`, or one is required and there is none.
    """
    if choice is None:
        return "auto"
    if named and choice not in {tool.name for tool in tools}:
        raise InvalidInput(
            f"tool_choice names {choice}, which is not among tools.", field="tool_choice"
        )
    if choice == "required" and not tools:
        raise InvalidInput("tool_choice requires a tool, and tools is empty.", field="tools")
    return choice


def json_output(
    kind: str, name: str | None, schema: Mapping[str, Any] | None, field: str
) -> JsonOutput | None:
    """Return the JSON that the answer must be, None for text.

    Raises:
        InvalidInput: The schema is missing; it names `field`.
    """
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonOutput()
    if schema is None:
        raise InvalidInput("An answer of type json_schema needs a schema.", field=field)
    return JsonOutput(name=name or "answer", json_schema=schema)


def refuse_unsupported(used: Mapping[str, bool], alternatives: Mapping[str, str]) -> None:
    """Raise `Unsupported` for the first field that is used, with its alternative.

    Args:
        used: Whether the request uses each unsupported field.
        alternatives: What to do instead of using a field, where it is not to leave it out.
    """
    for name, is_used in used.items():
        if is_used:
            advice = alternatives.get(name, "leave it out")
            raise Unsupported(f"{name} is not supported here; {advice}.", field=name)


def request_terms(model: str, service_tier: str | None, choosing: Choosing | None) -> Terms:
    """Return the terms of a request from its model, its service tier and its field `headrace`."""
    ours = choosing or Choosing()
    return Terms(
        model=model,
        quality=ours.quality,
        service_tier=_TIERS.get(service_tier or "", "standard"),
        budget=ours.budget,
        checks=ours.checks,
        fallback=ours.fallback,
    )
