"""One training of the benchmark `improvement_loop`; runs in the training environment.

    python -m benchmarks.improvement_training CHANNEL INTO SETTINGS [CHANNEL=MODEL …]

trains what SETTINGS, a JSON object with the recipe, asks for on a channel, judges it without an
export, and leaves the model in INTO/finish/model.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from models.rehearse import RehearsalOptions, rehearse


def main(given: Sequence[str]) -> int:
    """Train and judge; return the exit code of the first job that failed, or 0."""
    channel, into, settings, *bases = given
    found = {name: Path(at) for name, _, at in (base.partition("=") for base in bases)}
    options = RehearsalOptions(data=Path(channel), exported=False)
    return rehearse(json.loads(settings), Path(into), found, options)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
