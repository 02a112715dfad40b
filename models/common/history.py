"""What every step of a training measured: a file of one line of JSON each."""

from __future__ import annotations

import json
from pathlib import Path

HISTORY = "history.jsonl"


def read_history(path: Path) -> dict[int, dict[str, float]]:
    """Return what each step measured; a last line that was cut short is left out."""
    if not path.is_file():
        return {}
    found = {}
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(text)
        except ValueError:
            continue
        found[int(row.pop("step"))] = row
    return found
