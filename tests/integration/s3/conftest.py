from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.s3.serving import Running, running


@pytest.fixture
def local(tmp_path: Any) -> Iterator[Running]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def s3(local: Running) -> Iterator[Any]:
    client = local.client()
    client.create_bucket(Bucket="photos")
    yield client
    client.close()
