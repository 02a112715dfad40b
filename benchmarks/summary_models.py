"""What the benchmarks of trained models found, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]


def diffusion_steps(found: Found) -> Iterator[str]:
    """Yield a row a way to draw."""
    yield "| way | calls | right class | distance | ms of CPU a picture |"
    yield "| --- | --- | --- | --- | --- |"
    for name, way in found["facts"]["ways"].items():
        spent = found["measured"][f"{name}, CPU"]["median"]
        cells = [name, str(way["calls"]), _value(way["accuracy"], 3), _value(way["distance"], 1)]
        yield f"| {' | '.join(cells)} | {spent:.1f} |"
    yield ""
    yield (
        "In brackets 95 % intervals: of the share by Wilson, of the Fréchet distance by bootstrap,"
        " whose samples repeat pictures and so lie a little higher."
    )


def _value(told: Mapping[str, Any], digits: int) -> str:
    low, high = told["interval"]
    return f"{told['value']:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
