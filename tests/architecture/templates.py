"""The plain template of a stage, made once for all tests of a process."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any

from tests.architecture.ingest_definition import ROOT


@functools.cache
def plain(stage: str, *options: str) -> dict[str, Any]:
    """Return the template of `stage` as `python -m infra.synthesise` prints it."""
    made = subprocess.run(
        [sys.executable, "-m", "infra.synthesise", "--stage", stage, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert made.returncode == 0, made.stderr
    template: dict[str, Any] = json.loads(made.stdout)
    return template
