"""What is dear to make and the same for all workers of a run: made by whichever asks first."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.packaging.cache import exclusive_folder


def folder_of_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the temporary folder that all workers of a run see."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[], Any]) -> Any:
    """Return what `make` gave to the first of the run's workers that called this by `name`.

    It is kept as JSON; where making it failed, the next worker tries again.
    """
    folder = folder_of_run(tmp_path_factory) / name
    kept = folder / "made.json"
    with exclusive_folder(folder):
        if not kept.is_file():
            written = json.dumps(make())
            kept.write_text(written)
        return json.loads(kept.read_text())
