"""The pointer record of a tenant: which index answers, and which one is being filled.

TENANT#<tenant>   TENANT   vector_bucket, index, model; while a reindex job runs also
                           next_job, next_index, next_model; removing, while it is removed;
                           picture_indexes, those of pictures, as `picture_indexes` adds them
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import Condition, Table, Update
from chalicelib.adapters.record_writes import tenant_key
from chalicelib.adapters.records import Records
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.ports import IndexRef


class TenantPointers(Records):
    """Pointer records, as a reindex job changes them."""

    def __init__(self, table: Table) -> None:
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
                Condition("#next_job = :job AND attribute_not_exists(#removing)", {":job": job_id}),
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
            Condition(
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
            Condition("#next_job = :job", {":job": job_id}),
        )
        try:
            self._table.update(update)
        except Conflict:
            return
