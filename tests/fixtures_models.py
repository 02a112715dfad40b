"""The models that tests run, pulled once and kept in `models/cache`."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.pull.cache import CACHE, pull


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """Return the models folder with every default model in it."""
    pull()
    return CACHE
