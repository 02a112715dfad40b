from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cli.client import Api
from cli.documents.results import DocumentResult
from cli.documents.uploads import Uploader, collect
from infra import tenants
from tests.cloud import PROJECT, CloudProcess

SAMPLES = PROJECT / "samples"


class Tenant:
    """A tenant of its own, and its key."""

    def __init__(self, cloud: CloudProcess) -> None:
        self.cloud = cloud
        self.name = f"t{secrets.token_hex(4)}"
        self.table = cloud.outputs["RecordsTableName"]
        stage = tenants.TenantStorage(self.table, cloud.outputs["VectorBucketName"])
        tenants.create_tenant(cloud.client, stage, self.name)
        self.key = tenants.new_key()
        tenants.grant_key(cloud.client("dynamodb"), self.table, self.key, self.name, "test")
        self.api = Api(cloud.endpoint_url, self.key)

    def revoke(self) -> None:
        assert tenants.revoke_key(self.cloud.client("dynamodb"), self.table, self.key, self.name)

    def put(self, *sources: Path, collection: str = "default") -> list[DocumentResult]:
        uploader = Uploader(self.api, collection, wait=60)
        given = uploader.upload_all(collect(sources))
        return [result for result in given if isinstance(result, DocumentResult)]

    def page_text(self, document_id: str, version: str, page: int) -> str:
        key = f"documents/{self.name}/{document_id}/{version}/pages.jsonl"
        bucket = self.cloud.outputs["DocumentsBucketName"]
        body = self.cloud.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        pages = [json.loads(line) for line in body.splitlines()]
        return next(str(found["text"]) for found in pages if found["page"] == page)


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = Tenant(cloud)
    with closing(made.api):
        yield made


@pytest.fixture(scope="session")
def reader(cloud: CloudProcess) -> Iterator[Tenant]:
    """A tenant that holds the samples; for tests that only ask."""
    made = Tenant(cloud)
    with closing(made.api):
        results = made.put(SAMPLES)
        assert {result.state for result in results} == {"ready"}, results
        yield made
