"""The report of a comparison: JSON, a Markdown table, and rows of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chalicelib.inference.pixels import Pixels
from models.comparison.sampling_modes import DrawingSpeed
from models.evaluation import figures
from models.evaluation.image_quality import ImageQuality
from models.evaluation.intervals import ConfidenceInterval
from models.files import write_atomically, write_json

JSON, TABLE, PICTURE = "comparison.json", "comparison.md", "comparison.png"

_SHOWN = 20
_HEAD = (
    "who",
    "steps",
    "seconds trained",
    "Fréchet distance",
    "precision",
    "recall",
    "classes (rarest)",
    "sharpness",
    "ms a picture",
    "of 32",
)


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """The results of one way to draw. Real pictures have neither steps nor speed."""

    name: str
    judged: ImageQuality
    steps: int | None = None
    seconds: float | None = None
    speed: DrawingSpeed | None = None


def write_report(
    into: Path, rows: Sequence[ComparisonRow], shown: Sequence[Pixels], asked: object
) -> None:
    """Write all three files. `shown` has the pictures of each row. Raises DiskFull."""
    write_json(into / JSON, {"asked": asked, "rows": [asdict(row) for row in rows]})
    write_atomically(into / TABLE, table(rows).encode())
    figures.save(sheet([row.name for row in rows], shown), into / PICTURE)


def table(rows: Sequence[ComparisonRow]) -> str:
    """Return the numbers as Markdown, each with its interval of 95 %."""
    lines = [_HEAD, ("---",) * len(_HEAD), *(_cells(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sheet(names: Sequence[str], shown: Sequence[Pixels]) -> Pixels:
    """Return pictures of each row below its name.

    They are taken evenly from all of a row, because pictures of the same prompt lie together.
    """
    fewest = min(_SHOWN, *map(len, shown))
    rows = [each[np.linspace(0, len(each) - 1, fewest).astype(int)] for each in shown]
    coloured = [np.repeat(each, 3, axis=3) if each.shape[3] == 1 else each for each in rows]
    return figures.titled_rows(names, np.stack(coloured))


def _cells(row: ComparisonRow) -> tuple[str, ...]:
    judged = row.judged
    return (
        row.name,
        "" if row.steps is None else f"{row.steps:,}",
        "" if row.seconds is None else f"{row.seconds:.0f}",
        _interval_text(judged.fid, 2),
        _interval_text(judged.precision, 2),
        _interval_text(judged.recall, 2),
        f"{judged.classes} ({judged.rarest_class:.3f})",
        _interval_text(judged.sharpness, 2),
        "" if row.speed is None else _interval_text(row.speed.alone, 2),
        "" if row.speed is None else _interval_text(row.speed.together, 3),
    )


def _interval_text(found: ConfidenceInterval, digits: int) -> str:
    return f"{found.mean:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"
