"""Variables of prompts from the command line: texts, read as the prompt declares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.failures import UsageError
from cli.output import Json


def declared_values(given: Sequence[str], declared: Json) -> Json:
    """Return the values of `--var` as the version declares their variables."""
    values: Json = {}
    for name, text in map(variable_pair, given):
        kind = declared.get(name, {}).get("type", "string")
        if kind == "strings":
            values.setdefault(name, []).append(_read(text))
        elif name in values:
            raise UsageError(f"--var {name} stands twice, and {name} is no list.")
        else:
            values[name] = _value(name, kind, _read(text))
    return values


def _value(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError as error:
        raise UsageError(f"--var {name} takes a number, not {text!r}.") from error
    if kind == "boolean":
        if text not in ("true", "false"):
            raise UsageError(f"--var {name} takes true or false, not {text!r}.")
        return text == "true"
    return text


def _read(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{text[1:]} cannot be read as text: {error}") from error


def variable_pair(given: str) -> tuple[str, str]:
    """Return the name and the text of a `--var`; raise `UsageError`."""
    name, mark, text = given.partition("=")
    if not mark or not name:
        raise UsageError(f"{given!r} is not NAME=VALUE.")
    return name, text
