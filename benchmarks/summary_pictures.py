"""The picture search benchmark's part of `docs/benchmarks.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]

OWN = {
    "recall_10 by text": "recall_10",
    "recall_1 by text": "recall_1",
    "of ten by text, right, unseen classes": "search_unseen",
    "alike, of ten nearest others": "alike",
}
"""What the recipe itself calls the same number."""


def picture_search(found: Found) -> Iterator[str]:
    """Yield a row a number, with its interval and the recipe's own, then what a search took."""
    yield "| pictures | number | through the index | 95 % interval | the recipe's own |"
    yield "| --- | --- | --- | --- | --- |"
    for recipe, told in found["facts"].items():
        own = told["the recipe's own"]
        for name, number in told.items():
            if isinstance(number, Mapping) and "interval" in number:
                low, high = number["interval"]
                beside = f"{own[OWN[name]]:.3f}" if name in OWN else ""
                cells = [f"`{recipe}`, {told['pictures']:,}", name, f"{number['value']:.3f}"]
                cells += [f"{low:.3f} to {high:.3f}", beside]
                yield f"| {' | '.join(cells)} |"
    yield ""
    for name, took in found["measured"].items():
        yield f"{name}: {took['median']:.0f} ms, p90 {took['p90']:.0f}."
