"""The sample events of Lambda functions, each one that the function can be invoked with."""

from __future__ import annotations

from pathlib import Path

FUNCTIONS = Path(__file__).parents[1] / "functions"


def samples() -> dict[str, Path]:
    """Return the sample of each Lambda function, by the function's name."""
    own = {file.parent.name: file for file in FUNCTIONS.glob("*/event.json")}
    # A package that is deployed as several functions has a sample of each.
    return own | {file.stem: file for file in FUNCTIONS.glob("*/events/*.json")}
