"""Prompts: those of the tenant's registry, with the values of their variables as texts. Pure.

Of a prompt the version is shown that its label `production` points to, or else the newest.

https://modelcontextprotocol.io/specification/2026-07-28/server/prompts
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import JsonValue

from chalicelib.mcp.api_calls import ApiCall, ApiCaller
from chalicelib.mcp.jsonrpc import Json, object_of, objects_of
from chalicelib.mcp.tool import invalid_argument

MAX_LISTED = 20
"""Prompts of a page: of each, one version is read, too."""
PRODUCTION = "production"
LATEST = "latest"
_VERSION = "/v1/prompts/{prompt}/versions/{version}"
_BOOLEANS: Mapping[str, bool] = {"true": True, "false": False}


def list_prompts(api: ApiCaller, cursor: str | None) -> Json:
    """Return one page of prompts with their arguments; raise `ApiRefusalError`."""
    query = {"limit": str(MAX_LISTED), **({"cursor": cursor} if cursor else {})}
    body = api.call(ApiCall("GET", "/v1/prompts", query=query)).body
    items = body.get("items")
    listed: list[JsonValue] = [
        _listed(api, each)
        for each in (items if isinstance(items, list) else [])
        if isinstance(each, dict)
    ]
    following = body.get("next_cursor")
    return {"prompts": listed, **({"nextCursor": following} if following else {})}


def _listed(api: ApiCaller, view: Json) -> Json:
    name = str(view.get("name"))
    content = _content(api, name, _label(view))
    arguments: list[JsonValue] = [
        {
            "name": variable,
            "description": _described(terms),
            "required": _is_required(terms),
        }
        for variable, terms in _variables(content).items()
    ]
    return {"name": name, "description": _description(name, content), "arguments": arguments}


def get_prompt(api: ApiCaller, name: str, given: Mapping[str, JsonValue]) -> Json:
    """Return the messages of a prompt's first turn; raise `ApiRefusalError`."""
    path = {"prompt": name}
    view = api.call(ApiCall("GET", "/v1/prompts/{prompt}", path)).body
    label = _label(view)
    content = _content(api, name, label)
    variables = _variables(content)
    values: Json = {
        variable: _value(variable, variables.get(variable, {}), text)
        for variable, text in given.items()
    }
    rendered = api.call(
        ApiCall(
            "POST",
            "/v1/prompts/{prompt}/render",
            path,
            body={"version": label, "variables": values},
        )
    ).body
    turns = objects_of(rendered.get("turns"))
    messages: list[JsonValue] = [*_messages(object_of(turns[0].get("call")))] if turns else []
    return {
        "description": _description(name, content),
        "messages": messages,
        "_meta": {
            "headrace/version": rendered.get("version"),
            "headrace/turns": len(turns),
        },
    }


def prompt_variables(api: ApiCaller, name: str) -> dict[str, Json]:
    """Return the terms of a prompt's variables by their names; raise `ApiRefusalError`."""
    view = api.call(ApiCall("GET", "/v1/prompts/{prompt}", {"prompt": name})).body
    return _variables(_content(api, name, _label(view)))


def _label(view: Json) -> str:
    """Return the label, or `latest`, of the version that is shown."""
    return PRODUCTION if PRODUCTION in object_of(view.get("labels")) else LATEST


def _content(api: ApiCaller, name: str, version: str) -> Json:
    path = {"prompt": name, "version": version}
    return object_of(api.call(ApiCall("GET", _VERSION, path)).body.get("content"))


def _description(name: str, content: Json) -> str:
    """Return what a prompt says of itself, or else that it is one: clients show it to people."""
    return str(content.get("description") or f"The saved prompt {name}.")


def _variables(content: Json) -> dict[str, Json]:
    given = object_of(content.get("variables"))
    return {name: object_of(terms) for name, terms in given.items()}


def _described(terms: Json) -> str:
    """Return what an argument is, with its type where that is not any text."""
    kind = str(terms.get("type"))
    values = terms.get("values")
    if isinstance(values, list):
        kind = "one of " + ", ".join(map(str, values))
    elif kind == "strings":
        kind = "a JSON list of texts, or one text"
    told = [str(terms.get("description") or ""), "" if kind == "string" else f"({kind})"]
    return " ".join(filter(None, told))


def _is_required(terms: Json) -> bool:
    return terms.get("required") is not False and terms.get("default") is None


def _value(name: str, terms: Json, text: JsonValue) -> JsonValue:
    """Return the value of a variable, whose argument MCP has as a text."""
    if not isinstance(text, str):
        raise invalid_argument(f"The argument {name!r} is a text.", name)
    match terms.get("type"):
        case "integer" | "number":
            return _number(name, text)
        case "boolean":
            if text not in _BOOLEANS:
                raise invalid_argument(f"{name} is true or false.", name, "true or false")
            return _BOOLEANS[text]
        case "strings":
            return _texts(name, text)
        case _:
            return text


def _number(name: str, text: str) -> int | float:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"{name} is a number, not {text[:40]!r}.", name) from error
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise invalid_argument(f"{name} is a number, not {text[:40]!r}.", name)
    return value


def _texts(name: str, text: str) -> list[JsonValue]:
    if not text.lstrip().startswith("["):
        return [text]
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid_argument(f"{name} is a JSON list of texts: {error}.", name) from error
    return list(values)


def _messages(call: Json) -> list[Json]:
    """Return a call's messages; its system text, which MCP has no role for, is the first of them.

    A prompt that asks for a picture has its text.
    """
    texts = (call.get("system"), call.get("prompt"))
    told = [_message("user", text) for text in texts if isinstance(text, str) and text]
    for message in objects_of(call.get("messages")):
        told += [
            _message(str(message.get("role")), str(part["text"]))
            for part in objects_of(message.get("content"))
            if part.get("type") == "text"
        ]
    return told


def _message(role: str, text: str) -> Json:
    return {"role": role, "content": {"type": "text", "text": text}}
