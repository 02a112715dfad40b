"""Fixtures that every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from models.pull import pull
from tests.cloud import PROJECT, CloudProcess


@pytest.fixture(scope="session")
def models_pulled() -> Path:
    """The models folder, with every default model in it."""
    folder = PROJECT / "models" / "cache"
    pull(into=folder)
    return folder


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, models_pulled: Path) -> Iterator[CloudProcess]:
    """One local cloud for the whole run; tests share it and name their things apart."""
    process = CloudProcess(tmp_path_factory.mktemp("cloud")).start()
    yield process
    process.stop()
