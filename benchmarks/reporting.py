"""Results: medians with their spread, as a dated JSON file and as a printed table."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("boto3", "chalice", "numpy", "onnxruntime", "pydantic", "tokenizers")


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and spread of a figure over the repetitions of a run."""

    unit: str
    median: float
    low: float
    p10: float
    p90: float
    p95: float
    high: float
    count: int


def spread(values: Sequence[float], unit: str) -> Spread:
    """Return the spread of `values`, which must not be empty."""
    ordered = sorted(values)
    return Spread(
        unit=unit,
        median=_short(statistics.median(ordered)),
        low=_short(ordered[0]),
        p10=_short(quantile(ordered, 0.1)),
        p90=_short(quantile(ordered, 0.9)),
        p95=_short(quantile(ordered, 0.95)),
        high=_short(ordered[-1]),
        count=len(ordered),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which `share` of `ordered` lies, interpolated linearly."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one benchmark. `measured` is by name, `ratios` are medians of paired runs."""

    name: str
    repetitions: int
    measured: Mapping[str, Spread]
    ratios: Mapping[str, float] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


def save(result: Result, folder: Path = RESULTS) -> Path:
    """Save `result` under today's date (UTC), replacing an earlier one; return the file."""
    now = datetime.now(UTC)
    body = {
        "benchmark": result.name,
        "measured_at": now.isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {**versions(), **result.versions},
        "repetitions": result.repetitions,
        "measured": {name: asdict(found) for name, found in result.measured.items()},
        "ratios": {name: _short(ratio) for name, ratio in result.ratios.items()},
        "facts": dict(result.facts),
        "notes": list(result.notes),
    }
    folder.mkdir(exist_ok=True)
    file = folder / f"{now:%Y-%m-%d}-{result.name}.json"
    file.write_text(json.dumps(body, indent=2) + "\n")
    return file


def show(result: Result) -> str:
    """Return `result` as a table."""
    rows = [
        (name, f"{found.median:g} {found.unit}", f"{found.p10:g} to {found.p90:g}")
        for name, found in result.measured.items()
    ]
    lines = table(("", "median", "p10 to p90"), rows)
    lines += [f"{name}: {ratio:.2f}" for name, ratio in result.ratios.items()]
    lines += [f"{name}: {fact}" for name, fact in result.facts.items()]
    return "\n".join([f"== {result.name}, {result.repetitions} repetitions", *lines])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with the columns aligned."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]


def versions() -> dict[str, str]:
    """Return the versions of Python and of the main installed libraries.

    Some may be missing: the training environment has no chalice.
    """
    there = {each.name for each in metadata.distributions()}
    found = {name: metadata.version(name) for name in PACKAGES if name in there}
    return {"python": platform.python_version(), **found}


def machine() -> dict[str, Any]:
    """Return the machine's description, and its load just before the result was written."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load_1_minute": _short(os.getloadavg()[0]),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
