"""Prepare a channel: `python -m models.datasets NAME FOLDER`."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from models.failures import BadRecipe, TrainingFailure

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of all data sets."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def prepare(name: str, into: Path) -> Path:
    """Write the data set called `name` as a channel and return its file. Raises BadRecipe."""
    if name not in names():
        raise BadRecipe(f"There is no data set {name!r}; there are {', '.join(names())}.")
    made: Path = importlib.import_module(f"models.datasets.{name}").prepare(into)
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare a channel and print where it is."""
    parser = argparse.ArgumentParser(prog="python -m models.datasets", description=__doc__)
    parser.add_argument("name", help=f"one of {', '.join(names())}")
    parser.add_argument("into", type=Path, help="the channel's folder")
    chosen = parser.parse_args(arguments)
    try:
        path = prepare(chosen.name, chosen.into)
    except TrainingFailure as error:
        print(error, file=sys.stderr)  # noqa: T201 - what the user has to know
        return 1
    print(f"{path}: {path.stat().st_size:,} bytes")  # noqa: T201 - the command's answer
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
