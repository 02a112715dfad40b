"""Erasure of a tenant: removes all its records, objects and vectors by where they lie.

It removes a bounded piece at a time. Whatever is added to the product later lies in the same
places.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.adapters.aws import translated
from chalicelib.adapters.dynamodb import Delete, DynamoTable, Put
from chalicelib.adapters.records.job_writes import JOB, JOBS, RUNNING_JOB
from chalicelib.adapters.records.writes import (
    ADMISSION,
    REMOVED,
    RUNNING,
    stop_pk,
    tenant_key,
    tenant_pk,
)
from chalicelib.contracts.ingest import IngestInput
from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.removals import RemovedTenant
from chalicelib.errors import NotFound, Transient

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef
    from mypy_boto3_s3vectors import S3VectorsClient

    from chalicelib.contracts.indexes import IndexRef

MAX_OBJECTS_A_CALL = 1_000
RECORDS_AT_A_TIME = 500
KEY_POINTER = "KEY#"
"""The prefix of a tenant's records that name its API keys by their hashes."""


class TenantErasure:
    """Removes everything of a tenant beside its documents."""

    def __init__(self, s3: S3Client, vectors: S3VectorsClient, table: DynamoTable) -> None:
        self._s3 = s3
        self._vectors = vectors
        self._table = table

    def ingests(self, tenant: str) -> int:
        """Return how many ingests of the tenant are not settled."""
        places = self._table.query(ADMISSION, RUNNING)
        works = (IngestInput.model_validate_json(place["work"]) for place in places)
        return sum(work.tenant == tenant for work in works)

    def other_jobs(self, tenant: str, job_id: str) -> list[JobInput]:
        """Return the tenant's jobs, except `job_id`, whose executions are not settled."""
        found = self._table.query(JOBS, RUNNING_JOB)
        given = (JobInput.model_validate_json(item["input"]) for item in found)
        return [each for each in given if each.tenant == tenant and each.job_id != job_id]

    def documents(self, tenant: str) -> int:
        """Return how many documents the tenant has."""
        return sum(1 for _ in self._table.query(tenant_pk(tenant), "DOCUMENT#"))

    def erase_objects(self, bucket: str, prefix: str) -> int:
        """Remove at most 1,000 object versions under `prefix`; return how many, 0 at the end."""
        with translated(f"deleting {prefix}"):
            page = self._s3.list_object_versions(
                Bucket=bucket, Prefix=prefix, MaxKeys=MAX_OBJECTS_A_CALL
            )
            found: list[ObjectIdentifierTypeDef] = [
                {"Key": entry["Key"], "VersionId": entry["VersionId"]}
                for entry in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            ]
            if not found:
                return 0
            answer = self._s3.delete_objects(
                Bucket=bucket, Delete={"Objects": found, "Quiet": True}
            )
        if answer.get("Errors"):
            raise Transient(f"{len(answer['Errors'])} of {len(found)} objects stayed.")
        return len(found)

    def erase_index(self, index: IndexRef) -> None:
        """Remove an index with all its vectors; a missing one is no error."""
        with suppress(NotFound), translated(f"deleting {index.name}"):
            self._vectors.delete_index(vectorBucketName=index.bucket, indexName=index.name)

    def erase_records(self, tenant: str, job_id: str, most: int) -> int:
        """Remove at most `most` records of the tenant, except the last ones; 0 at the end.

        The last ones are those that the removal itself and its status still need: the keys,
        the job and the pointer record.
        """
        removed = 0
        kept = {tenant_key(tenant)[1], JOB + job_id}
        for pk in (f"ANSWER#{tenant}", stop_pk(tenant), tenant_pk(tenant)):
            for item in self._table.query(pk, ""):
                if item["sk"] in kept or item["sk"].startswith(KEY_POINTER):
                    continue
                self._table.delete(Delete((pk, item["sk"])))
                removed += 1
                if removed == most:
                    return removed
        return removed

    def tell(self, told: RemovedTenant) -> None:
        """Store the report of a removal, where no tenant's records lie."""
        pk, sk = REMOVED + told.tenant, JOB + told.job_id
        self._table.put(Put({"pk": pk, "sk": sk, "removed": told.model_dump_json()}))

    def erase_last(self, tenant: str, job_id: str) -> None:
        """Remove the keys, the records added meanwhile, the pointer record and the job."""
        pk = tenant_pk(tenant)
        for item in list(self._table.query(pk, KEY_POINTER)):
            self._table.delete(Delete((item["sk"], "KEY")))
            self._table.delete(Delete((pk, item["sk"])))
        while self.erase_records(tenant, job_id, RECORDS_AT_A_TIME):
            continue
        self._table.delete(Delete(tenant_key(tenant)))
        self._table.delete(Delete((pk, JOB + job_id)))

    def removed(self, tenant: str, job_id: str) -> RemovedTenant | None:
        """Return the report of a finished removal."""
        item = self._table.get((REMOVED + tenant, JOB + job_id))
        return None if item is None else RemovedTenant.model_validate_json(item["removed"])
