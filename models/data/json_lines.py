"""JSON Lines files of a channel, each line validated against a model."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from models.failures import BadData

Row = TypeVar("Row", bound=BaseModel)

SHOWN = 5
"""Broken rows that an error tells of."""


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Return every row of a file.

    Raises:
        BadData: the file is missing, empty or not UTF-8, or a row is no `kind`. The message has the
            line and the field of the first broken rows, and how many there are.
    """
    try:
        whole = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadData(f"{path} cannot be read: {error}") from error
    # Texts may contain other separators of splitlines, such as U+2028.
    lines = whole.removesuffix("\n").split("\n")
    rows, broken = [], []
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            rows.append(kind.model_validate_json(text))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the row"
            broken.append(f"line {number}: {place}: {first['msg']}")
    if broken:
        more = f" (and {len(broken) - SHOWN} more)" if len(broken) > SHOWN else ""
        raise BadData(
            f"{path} has {len(broken)} broken rows of {len(lines)}: {'; '.join(broken[:SHOWN])}"
            f"{more}. Mend or leave out those rows."
        )
    if not rows:
        raise BadData(f"{path} has no rows.")
    return rows
