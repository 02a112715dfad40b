"""Tenants of a test's own on a local cloud, and what is left of one anywhere."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import httpx

from infra import tenants
from tests.cloud import CloudProcess
from tests.e2e.driving import client_of, until

OPEN = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant, and a client that speaks as it."""

    name: str
    cloud: CloudProcess
    api: httpx.Client

    def job(self, method: str, path: str, body: object = None) -> str:
        """Ask for a job and return its id."""
        answer = self.api.request(method, path, json=body)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def ended(self, job_id: str, seconds: float = 90.0) -> dict[str, Any]:
        """Return the job once it has ended."""

        def look() -> dict[str, Any] | None:
            answer = self.api.get(f"/v1/jobs/{job_id}")
            if answer.is_server_error:
                return None
            assert answer.status_code == 200, answer.text
            job: dict[str, Any] = answer.json()
            return None if job["status"] in OPEN else job

        job = until(look, f"{job_id} did not end", seconds)
        self._look_at_execution(job_id)
        return job

    def _look_at_execution(self, job_id: str) -> None:
        """Have the API show the job's execution, whatever its machine; one never begun has none."""
        answer = self.api.get(f"/v1/jobs/{job_id}/execution")
        assert answer.status_code in (200, 404) or answer.is_server_error, answer.text
        if answer.status_code == 200:
            assert any(step["entered"] for step in answer.json()["steps"]), answer.text

    def left(self) -> list[str]:
        """Return what the stores hold of the tenant: keys of records, objects and indexes."""
        records = self.cloud.client("dynamodb").get_paginator("scan")
        table = self.cloud.outputs["RecordsTableName"]
        found = [
            f"{item['pk']['S']}/{item['sk']['S']}"
            for page in records.paginate(TableName=table)
            for item in page["Items"]
            if self.name in str(item) and not item["pk"]["S"].startswith("REMOVED#")
        ]
        objects = self.cloud.client("s3").get_paginator("list_object_versions")
        for page in objects.paginate(Bucket=self.cloud.outputs["DocumentsBucketName"]):
            listed = (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
            found += [each["Key"] for each in listed if f"/{self.name}/" in each["Key"]]
        indexes = self.cloud.client("s3vectors").list_indexes(
            vectorBucketName=self.cloud.outputs["VectorBucketName"], prefix=f"{self.name}-"
        )
        return found + [each["indexName"] for each in indexes["indexes"]]

    def indexes(self) -> dict[str, set[str]]:
        """Return the keys of the vectors of each index of the tenant."""
        vectors, where = self.cloud.client("s3vectors"), self.cloud.outputs["VectorBucketName"]
        listed = vectors.list_indexes(vectorBucketName=where, prefix=f"{self.name}-")["indexes"]
        pages = vectors.get_paginator("list_vectors")
        return {
            index["indexName"]: {
                vector["key"]
                for page in pages.paginate(vectorBucketName=where, indexName=index["indexName"])
                for vector in page["vectors"]
            }
            for index in listed
        }


def key_of(api: httpx.Client) -> str:
    """Return the key that a client speaks with, for what is no client of httpx."""
    return api.headers["Authorization"].removeprefix("Bearer ")


def make_tenant(cloud: CloudProcess, name: str) -> Tenant:
    """Make a tenant whose name no other test has."""
    name = f"{name}-{time.time_ns() % 10**9}"
    stage = tenants.TenantStorage(
        cloud.outputs["RecordsTableName"], cloud.outputs["VectorBucketName"]
    )
    tenants.create_tenant(cloud.client, stage, name)
    key = tenants.new_key()
    tenants.grant_key(cloud.client("dynamodb"), stage.records_table, key, name, "test")
    return Tenant(name, cloud, client_of(cloud, key))
