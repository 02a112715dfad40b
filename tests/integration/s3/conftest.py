from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.s3.serving import Door, Running, running


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    opened = Door()
    yield opened
    opened.close()


@pytest.fixture
def local(tmp_path: Path, door: Door) -> Iterator[Running]:
    with running(tmp_path, door) as started:
        yield started


@pytest.fixture
def s3(local: Running) -> Iterator[Any]:
    client = local.client()
    client.create_bucket(Bucket="photos")
    yield client
    client.close()
