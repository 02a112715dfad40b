"""Markdown of the results of `training_memory`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Found = Mapping[str, Any]


def training_memory(found: Found) -> Iterator[str]:
    """Yield a row per training: what it took, and what was estimated of it."""
    yield "| training, two steps | peak, MB | estimated : peak | CPU s | estimated : CPU s |"
    yield "| --- | --- | --- | --- | --- |"
    for name, each in found["measured"].items():
        case, _, what = name.partition(": ")
        if what != "memory":
            continue
        seconds = found["measured"][f"{case}: two steps"]["median"]
        of_memory = found["ratios"][f"{case}: memory estimated / measured"]
        of_time = found["ratios"][f"{case}: time estimated / measured"]
        cells = [case, f"{each['median']:,.0f}", f"{of_memory:.2f}"]
        yield f"| {' | '.join([*cells, f'{seconds:.1f}', f'{of_time:.2f}'])} |"
