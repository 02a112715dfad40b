"""Clouds of a test's own, for those that kill one, and the wire to the shared cloud's Bedrock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire


@pytest.fixture
def own_cloud(tmp_path: Path, cloud_options: tuple[str, ...]) -> Iterator[CloudProcess]:
    """A cloud that the test may kill."""
    process = CloudProcess(tmp_path / "data", *cloud_options, audited=True).start()
    yield process
    process.stop()


@pytest.fixture
def wire(cloud: CloudProcess) -> Iterator[BedrockWire]:
    """The shared cloud's wire to Bedrock; faults end with the test."""
    opened = BedrockWire(cloud)
    yield opened
    opened.clear()
