"""Two registered versions side by side: their numbers, and what their trainings measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.registry import NoVersion, Registry, Version
from models.common.history import HISTORY, read_history

EVALUATION = "evaluation.json"
"""What a finished model's numbers are in: models/common/finishing.py writes it."""

_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Looked:
    """A version with all that its evaluation measured, and each step of its training."""

    version: Version
    numbers: Mapping[str, float]
    history: Mapping[int, Mapping[str, float]]


def look(registry: Registry, version: Version) -> Looked:
    """Fetch what a version left. Raises NoVersion, ClientError."""
    with registry.left(version) as folder:
        return Looked(version, _numbers(version, folder), read_history(folder / HISTORY))


def _numbers(version: Version, folder: Path) -> Mapping[str, float]:
    try:
        told = json.loads((folder / EVALUATION).read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in told.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise NoVersion(f"{version.artefact} has no whole {EVALUATION}: {error}") from error


def rows(one: Looked, other: Looked) -> list[tuple[str, str, str, str]]:
    """Return name, value of one, value of the other and difference of each number of either."""
    names = dict.fromkeys([*one.numbers, *other.numbers])
    return [_row(name, one.numbers.get(name), other.numbers.get(name)) for name in names]


def _row(name: str, one: float | None, other: float | None) -> tuple[str, str, str, str]:
    difference = "" if one is None or other is None else f"{other - one:+.4g}"
    return name, _shown(one), _shown(other), difference


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def spark(values: Sequence[float], width: int = 60) -> str:
    """Return a curve as one line of blocks, `width` at most, lowest to highest value."""
    if not values:
        return ""
    shares = [values[at * len(values) // width] for at in range(width)]
    shown = shares if len(values) > width else list(values)
    low, high = min(shown), max(shown)
    steps = (len(_BLOCKS) - 1) / ((high - low) or 1.0)
    return "".join(_BLOCKS[round((value - low) * steps)] for value in shown)
