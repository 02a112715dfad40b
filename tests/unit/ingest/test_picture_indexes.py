"""Indexes of pictures: named by the tenant's pointer, then made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.tenants import PictureIndexTable, TenantTable
from chalicelib.adapters.s3vectors import Indexes
from chalicelib.contracts.indexes import IndexRef
from chalicelib.errors import Conflict
from tests.unit.ingest.fakes import INDEX

EMOJI = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.64", "emoji-clip")
WIDER = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.128", "emoji-clip")


@dataclass
class Made:
    """What was made, and what the pointer named by then."""

    records: IngestTable
    calls: list[tuple[str, int, tuple[IndexRef, ...]]] = field(default_factory=list)

    def create(self, index: IndexRef, dimensions: int) -> None:
        state = self.records.tenant_state("acme")
        assert state is not None
        self.calls.append((index.name, dimensions, state.pictures))


def opener(table: DynamoTable, made: Made) -> PictureIndexTable:
    return PictureIndexTable(table, cast("Indexes", made))


def test_an_index_is_named_before_it_is_made_and_once(
    records: IngestTable, table: DynamoTable
) -> None:
    made = Made(records)
    for index, dimensions in ((EMOJI, 64), (EMOJI, 64), (WIDER, 128)):
        opener(table, made).open("acme", index, dimensions)
    assert made.calls == [
        (EMOJI.name, 64, (EMOJI,)),
        (EMOJI.name, 64, (EMOJI,)),
        (WIDER.name, 128, (WIDER, EMOJI)),
    ]
    state: Any = records.tenant_state("acme")
    assert state.indexes == (INDEX,)
    assert state.all_indexes == (INDEX, WIDER, EMOJI)
    assert records.live_index("acme") == INDEX


def test_a_reindex_leaves_indexes_of_pictures_as_they_are(
    records: IngestTable, table: DynamoTable
) -> None:
    opener(table, Made(records)).open("acme", EMOJI, 64)
    pointers = TenantTable(table)
    pointers.drop_next("acme", "01J")
    state: Any = records.tenant_state("acme")
    assert (state.pictures, state.next) == ((EMOJI,), None)


def test_an_index_of_a_tenant_that_is_gone_is_not_made(
    records: IngestTable, table: DynamoTable
) -> None:
    made = Made(records)
    with pytest.raises(Conflict):
        opener(table, made).open("gone", EMOJI, 64)
    assert made.calls == []
