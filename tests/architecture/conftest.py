from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from tests.architecture.ingest_world import IngestWorld
from tests.unit.ingest.conftest import table

__all__ = ["table"]


@pytest.fixture
def world(tmp_path: Path, table: DynamoTable) -> IngestWorld:
    """Return the state machine `ingest` on an empty table."""
    return IngestWorld(tmp_path, table)
