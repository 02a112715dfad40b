"""Examples of requests and answers, one file an operation, as a local cloud gave them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("examples")


@dataclass(frozen=True, slots=True)
class Example:
    """A request's body, and answers to it by their status."""

    request: Any = None
    answers: Mapping[str, Any] = field(default_factory=dict)


def examples(folder: Path = FOLDER) -> dict[str, Example]:
    """Return the examples by operation id."""
    return {file.stem: _read(file) for file in sorted(folder.glob("*.json"))}


def _read(file: Path) -> Example:
    content = json.loads(file.read_text(encoding="utf-8"))
    return Example(content.get("request"), content.get("answers", {}))
