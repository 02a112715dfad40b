"""Batches in `docs/benchmarks.md`: speed, price, and the acceptance of ten thousand items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]


def batches(found: Found) -> Iterator[str]:
    """Yield the comparison with a loop, and the costs of a thousand items besides models."""
    facts = found["facts"]
    yield f"{facts['items']} items, {facts['calls at once']} calls at once:"
    yield ""
    yield "| | a batch | an asyncio loop | batch : loop |"
    yield "| --- | --- | --- | --- |"
    for name, ratio in found["ratios"].items():
        kind = name.removeprefix("a batch to a loop, ")
        ours, theirs = (
            f"{found['measured'][f'{who}, {kind}']['median']:.0f} items/s"
            for who in ("a batch", "a loop")
        )
        yield f"| {kind} | {ours} | {theirs} | {ratio:.2f} |"
    yield ""
    yield from costs(found)


def costs(found: Found) -> Iterator[str]:
    """Yield the costs of a thousand items by each design of the machine, and by service tier."""
    facts = found["facts"]
    ways = facts["dollars a thousand items"]
    built = float(ways["Express children, as built"])
    yield "| a thousand items, list prices | dollars | times |"
    yield "| --- | --- | --- |"
    for name, dollars in ways.items():
        times = f"{float(dollars) / built:.1f}" if "children" in name else ""
        yield f"| {name} | {dollars} | {times} |"
    for tier, told in facts["dollars a thousand items by service tier, at most"].items():
        yield f"| the model at most, by `{tier}` | {told} | |"
    yield ""
    yield (
        f"Counted of {facts['items']} items: {facts['states entered by the machine']} states of the"
        f" machine and {facts['children']} children."
    )


def acceptance(found: Found) -> Iterator[str]:
    """Yield the counts of a batch that was poisoned, throttled and killed."""
    yield "| counted | |"
    yield "| --- | --- |"
    for name, count in found["facts"].items():
        yield f"| {name} | {count} |"
