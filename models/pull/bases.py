"""Fetch a base model and print its folder: `python -m models.pull.bases NAME`, for training."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from models.failures import TrainingFailure
from models.pull.cache import PullProgress, WrongHash
from models.pull.shipped_bases import shipped_base


def main(arguments: Sequence[str]) -> int:
    """Fetch the base model called `arguments[0]`; print its folder, or what is wrong."""
    try:
        (name,) = arguments
    except ValueError:
        sys.stderr.write("Name one base model.\n")
        return 2
    try:
        folder = shipped_base(name, progress=_report)
    except (TrainingFailure, WrongHash) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{folder}\n")
    return 0


def _report(step: PullProgress) -> None:
    if step.step == "placed":
        sys.stderr.write(f"{step.model}: fetched.\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
