"""What a comparison found, as JSON, as a table, and as rows of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from chalicelib.inference.pixels import Pixels
from models.common import pictures
from models.common.writing import write_json, write_whole
from models.comparing.drawing import Speed
from models.judging.draws import Judged
from models.judging.retrieval import Interval

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
class Row:
    """One way to draw, and what came of it. Real pictures have neither steps nor speed."""

    name: str
    judged: Judged
    steps: int | None = None
    seconds: float | None = None
    speed: Speed | None = None


def write(into: Path, rows: Sequence[Row], shown: Sequence[Pixels], asked: object) -> None:
    """Write all three files. `shown` has the pictures of each row. Raises DiskFull."""
    write_json(into / JSON, {"asked": asked, "rows": [asdict(row) for row in rows]})
    write_whole(into / TABLE, table(rows).encode())
    pictures.save(sheet([row.name for row in rows], shown), into / PICTURE)


def table(rows: Sequence[Row]) -> str:
    """Return the numbers as Markdown, each with its interval of 95 %."""
    lines = [_HEAD, ("---",) * len(_HEAD), *(_cells(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def sheet(names: Sequence[str], shown: Sequence[Pixels]) -> Pixels:
    """Return pictures of each row below its name, evenly from all of them: like prompts lie
    together.
    """
    fewest = min(_SHOWN, *map(len, shown))
    rows = [each[np.linspace(0, len(each) - 1, fewest).astype(int)] for each in shown]
    coloured = [np.repeat(each, 3, axis=3) if each.shape[3] == 1 else each for each in rows]
    return pictures.titled(names, np.stack(coloured))


def _cells(row: Row) -> tuple[str, ...]:
    judged = row.judged
    return (
        row.name,
        "" if row.steps is None else f"{row.steps:,}",
        "" if row.seconds is None else f"{row.seconds:.0f}",
        _told(judged.fid, 2),
        _told(judged.precision, 2),
        _told(judged.recall, 2),
        f"{judged.classes} ({judged.rarest_class:.3f})",
        _told(judged.sharpness, 2),
        "" if row.speed is None else _told(row.speed.alone, 2),
        "" if row.speed is None else _told(row.speed.together, 3),
    )


def _told(found: Interval, digits: int) -> str:
    return f"{found.mean:.{digits}f} ({found.low:.{digits}f} to {found.high:.{digits}f})"
