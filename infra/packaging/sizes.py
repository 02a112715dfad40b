"""How large bundles are, against what Lambda takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.packaging.failures import CannotPackage

LIMIT = 262_144_000
"""Bytes of a function, unzipped: 250 MB as AWS counts them.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Size:
    """A bundle's sizes in bytes."""

    name: str
    zipped: int
    unzipped: int

    @property
    def share(self) -> float:
        """Return how much of the limit it takes, 1.0 being all."""
        return self.unzipped / LIMIT


def unzipped(name: str, entries: Mapping[str, Path]) -> int:
    """Return the size of a bundle, in bytes.

    Raises:
        CannotPackage: it is more than Lambda takes; the message names the largest parts.
    """
    parts: Counter[str] = Counter()
    for place, source in entries.items():
        parts[_part(place)] += source.stat().st_size
    total = sum(parts.values())
    if total > LIMIT:
        largest = ", ".join(f"{part} {_mb(size)}" for part, size in parts.most_common(_NAMED))
        raise CannotPackage(
            f"The bundle of {name} has {total:,} bytes unzipped, and Lambda takes {LIMIT:,}. "
            f"The largest parts: {largest}. Leave some out (infra/packaging/pruning.py), or split "
            "the function."
        )
    return total


def _part(place: str) -> str:
    top, _, rest = place.partition("/")
    if top != "models":
        return top
    return "/".join(["models", *rest.split("/")[:2]])


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"


def table(sizes: Iterable[Size]) -> list[str]:
    """Return the sizes in lines, the largest first."""
    lines = [f"{'function':<18} {'zipped':>10} {'unzipped':>10} {'of 250 MB':>10}"]
    lines += [
        f"{each.name:<18} {_mb(each.zipped):>10} {_mb(each.unzipped):>10} {each.share:>10.0%}"
        for each in sorted(sizes, key=lambda size: (-size.unzipped, size.name))
    ]
    return lines
