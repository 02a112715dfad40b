"""Fixtures that every kind of test may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.pull import pull
from tests.cloud import PROJECT, CloudProcess


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """One local cloud for the whole run; tests share it and name their things apart."""
    pull(into=PROJECT / "models" / "cache")
    process = CloudProcess(tmp_path_factory.mktemp("cloud")).start()
    yield process
    process.stop()
