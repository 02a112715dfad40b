"""What chat completions and responses say alike: turns, pictures, functions, JSON."""

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
"""Of an answer whose request names no limit: OpenAI's is the model's own, and is never reserved."""

Role = Literal["user", "assistant"]

_DATA_URL = re.compile(r"data:(image/(?:png|jpeg|webp|gif));base64,([A-Za-z0-9+/=\s]*)\Z")
_TIERS: Mapping[str, ServiceTier] = {"flex": "flex"}


def turns(said: Iterable[tuple[Role, Sequence[Part]]], field: str) -> Iterator[Message]:
    """Yield a conversation in turns: neighbours of one role are one, as models want it.

    Raises `InvalidInput` naming `field` where nothing is said.
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


def picture(url: str, field: str) -> ImagePart:
    """Return the picture that a `data:` URL holds. Raises `InvalidInput` for any other."""
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


def texts(parts: Iterable[Part], field: str) -> str:
    """Return what parts say that may be nothing but text. Raises `InvalidInput`."""
    said = []
    for part in parts:
        if not isinstance(part, TextPart):
            raise InvalidInput(f"{field} may hold text only.", field=field)
        said.append(part.text)
    return "".join(said)


def function_tool(
    name: str, description: str | None, parameters: Mapping[str, Any] | None, field: str
) -> Tool:
    """Return a function that a model may call. Raises `InvalidInput` naming the `field` of its
    name.
    """
    try:
        return Tool(name=name, description=description or "", parameters=parameters or {})
    except ValueError as error:
        raise InvalidInput(
            "A function's name is 1 to 64 letters, digits, _ and -.", field=field, limit="64"
        ) from error


def tool_choice(choice: str | None, tools: Sequence[Tool], *, named: bool) -> str:
    """Return which tool has to be called: auto, none, required, or one by its name if `named`.

    Raises `InvalidInput` where it is none of `tools`.
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
    """Return what JSON the answer has to be, None for text. Raises `InvalidInput` naming `field`
    where a schema is missing.
    """
    if kind == "text":
        return None
    if kind == "json_object":
        return JsonOutput()
    if schema is None:
        raise InvalidInput("An answer of type json_schema needs a schema.", field=field)
    return JsonOutput(name=name or "answer", json_schema=schema)


def refuse(asked: Mapping[str, bool], instead: Mapping[str, str]) -> None:
    """Raise `Unsupported` for the first field that is asked for, and say what to do `instead`."""
    for name, is_asked in asked.items():
        if is_asked:
            way = instead.get(name, "leave it out")
            raise Unsupported(f"{name} is not supported here; {way}.", field=name)


def chosen(model: str, service_tier: str | None, choosing: Choosing | None) -> Terms:
    """Return the terms of a request that names a model, how soon it is wanted, and our own."""
    ours = choosing or Choosing()
    return Terms(
        model=model,
        quality=ours.quality,
        service_tier=_TIERS.get(service_tier or "", "standard"),
        budget=ours.budget,
        checks=ours.checks,
        fallback=ours.fallback,
    )
