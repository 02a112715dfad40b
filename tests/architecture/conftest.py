from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from tests.architecture.ingest_world import IngestWorld
from tests.unit.ingest.conftest import dynamodb, table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["dynamodb", "table"]


@pytest.fixture
def world(tmp_path: Path, dynamodb: DynamoDBClient, table: DynamoTable) -> IngestWorld:
    """Return the state machine `ingest` on an empty table."""
    return IngestWorld(tmp_path, dynamodb, table)
