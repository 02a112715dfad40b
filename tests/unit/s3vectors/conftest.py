from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext


@pytest.fixture
def surroundings(tmp_path: Path) -> CloudContext:
    return CloudContext(tmp_path, "http://127.0.0.1:1")


@pytest.fixture
def service(surroundings: CloudContext) -> Iterator[S3VectorsService]:
    opened = S3VectorsService(surroundings, clock=lambda: 1_764_000_000.0)
    yield opened
    opened.stop()
