"""CloudWatch Logs' filter patterns for JSON, as far as the template uses them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

Matches = Callable[[Mapping[str, Any]], bool]

_TOKEN = re.compile(r'\s*(\(|\)|&&|\|\||!=|=|NOT EXISTS|"[^"]*"|\$(?:\.\w+)+)')


def matcher(pattern: str) -> Matches:
    """Return what tells whether the event of a log matches `pattern`."""
    inside = pattern.strip().removeprefix("{").removesuffix("}").strip()
    tokens: list[str] = []
    at = 0
    while at < len(inside):
        found = _TOKEN.match(inside, at)
        assert found, inside[at:]
        tokens.append(found[1])
        at = found.end()
    whole = _either(tokens)
    assert not tokens, tokens
    return whole


def matched(matches: Matches, line: str) -> bool:
    """Tell whether a line of a log matches; one that is no JSON matches nothing."""
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return isinstance(event, dict) and matches(event)


def _either(tokens: list[str]) -> Matches:
    parts = [_both(tokens)]
    while tokens[:1] == ["||"]:
        tokens.pop(0)
        parts.append(_both(tokens))
    return lambda event: any(part(event) for part in parts)


def _both(tokens: list[str]) -> Matches:
    parts = [_one(tokens)]
    while tokens[:1] == ["&&"]:
        tokens.pop(0)
        parts.append(_one(tokens))
    return lambda event: all(part(event) for part in parts)


def _one(tokens: list[str]) -> Matches:
    first = tokens.pop(0)
    if first == "(":
        inner = _either(tokens)
        assert tokens.pop(0) == ")"
        return inner
    path, operator = first.split(".")[1:], tokens.pop(0)
    if operator == "NOT EXISTS":
        return lambda event: _at(event, path) is None
    wanted = tokens.pop(0).strip('"')

    def compared(event: Mapping[str, Any]) -> bool:
        found = _at(event, path)
        return found is not None and fnmatch.fnmatchcase(str(found), wanted) == (operator == "=")

    return compared


def _at(event: Any, path: list[str]) -> Any:
    for name in path:
        event = event.get(name) if isinstance(event, dict) else None
    return event
