"""Wildcards, and the lists that a policy may also write as one value. Pure."""

from __future__ import annotations

import re
from functools import lru_cache


class InvalidPolicy(Exception):  # noqa: N818 - named for what is wrong
    """A policy that the local cloud cannot evaluate; its text says which part and why."""


@lru_cache(maxsize=4096)
def wildcard(pattern: str) -> re.Pattern[str]:
    """Return what `pattern` matches: `*` any characters, `?` one."""
    parts = (re.escape(part) for part in re.split(r"([*?])", pattern))
    text = "".join({r"\*": ".*", r"\?": "."}.get(part, part) for part in parts)
    return re.compile(text, re.DOTALL)


def listed(value: object, where: str) -> tuple[str, ...]:
    """Return a list of texts, which may be given as one. Raises InvalidPolicy for others."""
    items = value if isinstance(value, list) else [value]
    if not items:
        raise InvalidPolicy(f"{where} must not be empty.")
    for item in items:
        if not isinstance(item, str | bool | int):
            raise InvalidPolicy(f"{where} takes text, not {type(item).__name__}.")
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)
