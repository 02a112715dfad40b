"""The pointer record of a tenant: which index answers, and which one is being filled.

TENANT#<tenant>   TENANT   vector_bucket, index, model; while a reindex job runs also
                           next_job, next_index, next_model; removing, while it is removed;
                           picture_indexes, those of pictures, as `picture_indexes` adds them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import DynamoTable, Update, WriteCondition
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.adapters.records.writes import EXISTS, tenant_key
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.adapters.s3vectors import Indexes
    from chalicelib.contracts.indexes import IndexRef


class TenantTable(IngestTable):
    """Changes the pointer records of tenants for a reindex job."""

    def __init__(self, table: DynamoTable) -> None:
        super().__init__(table)

    def set_next(self, tenant: str, job_id: str, index: IndexRef) -> None:
        """Let ingests fill `index`, too; may be repeated.

        Raises:
            Conflict: another job has the tenant, or the tenant is being removed.
        """
        self._table.update(
            Update(
                tenant_key(tenant),
                "SET #next_index = :index, #next_model = :model",
                {":index": index.name, ":model": index.model},
                WriteCondition(
                    "#next_job = :job AND attribute_not_exists(#removing)", {":job": job_id}
                ),
            )
        )

    def swap(self, tenant: str, job_id: str, old: IndexRef, index: IndexRef) -> None:
        """Let `index` answer in place of `old`; may be repeated.

        Raises:
            Conflict: another job has the tenant, or neither of the two answers.
        """
        update = Update(
            tenant_key(tenant),
            "SET #index = :new, #model = :model REMOVE #next_job, #next_index, #next_model",
            {":new": index.name, ":model": index.model},
            WriteCondition(
                "#index = :old AND #next_index = :new AND #next_job = :job",
                {":old": old.name, ":job": job_id},
            ),
        )
        try:
            self._table.update(update)
        except Conflict:
            if self.live_index(tenant) != index:
                raise

    def drop_next(self, tenant: str, job_id: str) -> None:
        """Give up the index that the job fills; may be repeated."""
        update = Update(
            tenant_key(tenant),
            "REMOVE #next_job, #next_index, #next_model",
            {},
            WriteCondition("#next_job = :job", {":job": job_id}),
        )
        try:
            self._table.update(update)
        except Conflict:
            return


class PictureIndexTable:
    """Creates indexes of pictures, and records them in the tenant's pointer."""

    def __init__(self, table: DynamoTable, indexes: Indexes) -> None:
        self._table = table
        self._indexes = indexes

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        """Record an index, then create it; an existing one is no error.

        Raises:
            Conflict: the tenant is gone.
        """
        self._table.update(
            Update(
                tenant_key(tenant),
                "ADD #picture_indexes :index",
                {":index": frozenset({index.name})},
                EXISTS,
            )
        )
        self._indexes.create(index, dimensions)
