from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.stepfunctions.bench import Bench


@pytest.fixture(autouse=True)
def benches() -> Iterator[None]:
    """Stop every service that a test has opened."""
    yield
    while Bench.opened:
        Bench.opened.pop().service.stop()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
