"""JSON as SQLite can hold it."""

from __future__ import annotations

from localcloud.stepfunctions.language.values import Json, dumps


def as_text(value: Json) -> str:
    """Write `value` compactly; half a surrogate pair, which UTF-8 cannot hold, becomes `?`."""
    return whole(dumps(value))


def whole(text: str) -> str:
    """Return `text` with `?` for each half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()
