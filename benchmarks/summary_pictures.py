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


def picture_text(found: Found) -> Iterator[str]:
    """Yield a row for what befell the pages, and what was read in photographs without text."""
    yield "| pages | of the words are read | the worst page |"
    yield "| --- | --- | --- |"
    took = dict(found["measured"])
    photograph = took.pop("a photograph without text")
    for name, share in took.items():
        worst = share["high"] if name.startswith("words made up") else share["low"]
        yield f"| {name.removeprefix('words read, ')} | {share['median']:.3f} | {worst:.3f} |"
    facts = found["facts"]
    false = facts["read in photographs"]
    yield ""
    told = ", ".join(f"`{text}` in {name}" for name, text in false.items()) or "nothing"
    yield (
        f"In {facts['photographs']} photographs, enlarged to 3,000 pixels, {told} is read. One"
        f" takes {photograph['median']:.2f} s of a core."
    )


def _cell(number: Found) -> str:
    low, high = number["interval"]
    return f"{number['value']:.3f} ({low:.3f} to {high:.3f})"
