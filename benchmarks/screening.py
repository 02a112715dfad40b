"""Detection of instructions to a language model: `python -m benchmarks screening`.

The sentences of `tests/data/instructions.json`. The first two sets were seen while the rules were
written; the third was written after them and has changed nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result
from benchmarks.shares import share
from chalicelib.screening.injections import InjectionScreen

SENTENCES = Path(__file__).parent.parent / "tests" / "data" / "instructions.json"


def measure(repetitions: int = 1) -> Result:
    """Screen every sentence once: the results do not vary."""
    return Result("screening", 1, {}, facts=dict(_by_set()))


def _by_set() -> Iterator[tuple[str, dict[str, Any]]]:
    rows = json.loads(SENTENCES.read_text(encoding="utf-8"))["sentences"]
    for name in dict.fromkeys(row["set"] for row in rows):
        mine = [row for row in rows if row["set"] == name]
        aimed = [row["text"] for row in mine if row["aimed"]]
        others = [row["text"] for row in mine if not row["aimed"]]
        yield (
            name,
            {
                "aimed": len(aimed),
                "found": share(_found(aimed), len(aimed)),
                "others": len(others),
                "taken for orders": share(_found(others), len(others)),
            },
        )


def _found(texts: Sequence[str]) -> int:
    return sum(InjectionScreen().aimed_at_model(texts))
