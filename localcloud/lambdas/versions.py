"""Numbers of published versions, kept so that a restart gives the same ones."""

from __future__ import annotations

import json
from pathlib import Path


class Numbers:
    """Counts the versions of each function from 1; a number is never given a second time."""

    def __init__(self, file: Path) -> None:
        """Keep them in `file`."""
        self._file = file
        self._given: dict[str, dict[str, int]] = {}
        if file.exists():
            self._given = json.loads(file.read_text())

    def of(self, function: str, key: str) -> str:
        """Return the number of the version that `key` stands for, a new one for a new key."""
        given = self._given.setdefault(function, {})
        if key not in given:
            given[key] = len(given) + 1
            draft = self._file.with_suffix(".new")
            draft.write_text(json.dumps(self._given))
            draft.replace(self._file)
        return str(given[key])
