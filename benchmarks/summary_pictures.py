"""The picture search benchmark's part of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]

WAYS = ("through the index", "bare arrays", "by labels")


def picture_search(found: Found) -> Iterator[str]:
    """Yield a row per figure, each way with its interval, then the durations of searches."""
    yield f"| pictures | number | {' | '.join(WAYS)} |"
    yield f"| --- | --- |{' --- |' * len(WAYS)}"
    for recipe, told in found["facts"].items():
        for name in told[WAYS[0]]:
            cells = [f"`{recipe}`, {told['pictures']}", name]
            cells += [_cell(told[way][name]) for way in WAYS]
            yield f"| {' | '.join(cells)} |"
    yield ""
    for name, took in found["measured"].items():
        yield f"{name}: {took['median']:.0f} ms, p90 {took['p90']:.0f}."


def _cell(number: Found) -> str:
    low, high = number["interval"]
    return f"{number['value']:.3f} ({low:.3f} to {high:.3f})"
