"""Another attempt at what failed, from the API through the queue to answers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cli.documents.results import DocumentResult
from cli.documents.retry import retry_all
from tests.integration.api.conftest import Tenant

WAIT_SECONDS = 60
FILES = {
    "boat.txt": "The door of the boat house is painted green.\n",
    "clock.txt": "The spare key hangs behind the kitchen clock.\n",
    "ladder.md": "# Shed\n\nThe ladder stands behind the shed, on the left.\n",
}


@contextmanager
def index_of_another_model(tenant: Tenant) -> Iterator[None]:
    """Point the tenant's record at a model that no function embeds with: every ingest fails."""
    dynamodb = tenant.cloud.client("dynamodb")
    key = {"pk": {"S": f"TENANT#{tenant.name}"}, "sk": {"S": "TENANT"}}
    kept = dynamodb.get_item(TableName=tenant.table, Key=key)["Item"]
    dynamodb.put_item(TableName=tenant.table, Item=kept | {"model": {"S": "another"}})
    yield
    dynamodb.put_item(TableName=tenant.table, Item=kept)


def put_and_fail(tenant: Tenant, folder: Path) -> list[str]:
    """Return the ids of documents that failed."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
    with index_of_another_model(tenant):
        results = tenant.put(folder)
    assert {result.state for result in results} == {"failed"}, results
    assert all("another" in result.reason for result in results)
    return [result.document_id for result in results]


def post(tenant: Tenant, document_id: str, key: str) -> httpx.Response:
    return httpx.post(
        f"{tenant.cloud.endpoint_url}/v1/documents/{document_id}/retry",
        headers={"Authorization": f"Bearer {tenant.key}", "Idempotency-Key": key},
    )


def vector_keys(tenant: Tenant) -> list[str]:
    client = tenant.cloud.client("s3vectors")
    index = f"{tenant.name}-minilm-l6-v2-int8.terms"
    bucket = tenant.cloud.outputs["VectorBucketName"]
    pages = client.get_paginator("list_vectors").paginate(vectorBucketName=bucket, indexName=index)
    return [vector["key"] for page in pages for vector in page["vectors"]]


def attempts(tenant: Tenant, document: dict[str, Any]) -> Counter[str]:
    """Return how the executions of a document's newest version ended, once all did: it is ready
    before the last step of one.
    """
    client = tenant.cloud.client("stepfunctions")
    machine = tenant.cloud.outputs["IngestMachineArn"]
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        pages = client.get_paginator("list_executions").paginate(stateMachineArn=machine)
        found = Counter(
            execution["status"]
            for page in pages
            for execution in page["executions"]
            if execution["name"].startswith(document["latest_version"])
        )
        if not found["RUNNING"] or time.monotonic() > deadline:
            return +found
        time.sleep(0.05)


def test_should_bring_everything_that_failed_to_answers_and_lose_no_count(
    tenant: Tenant, tmp_path: Path
) -> None:
    ids = put_and_fail(tenant, tmp_path)
    assert tenant.api.search({"query": "spare key"})["hits"] == []

    given = retry_all(tenant.api, ids, wait=WAIT_SECONDS)
    results = [result for result in given if isinstance(result, DocumentResult)]

    assert {result.state for result in results} == {"ready"}, results
    documents = list(tenant.api.documents())
    assert sorted(document["document_id"] for document in documents) == sorted(ids)
    assert {(document["status"], document["attempt"]) for document in documents} == {("ready", 2)}
    assert len(vector_keys(tenant)) == sum(document["chunks"] for document in documents)
    for document in documents:
        assert document["version"] == document["latest_version"]
        assert attempts(tenant, document) == {"FAILED": 1, "SUCCEEDED": 1}
    assert tenant.api.search({"query": "spare key"})["hits"][0]["path"] == "clock.txt"


def test_should_ask_once_for_one_key_and_once_for_one_failure(
    tenant: Tenant, tmp_path: Path
) -> None:
    first, second, _ = put_and_fail(tenant, tmp_path)
    answers = [post(tenant, first, "same") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert len({answer.content for answer in answers}) == 1
    assert post(tenant, second, "same").status_code == 409
    document = ready(tenant, first)
    assert document["attempt"] == 2
    assert attempts(tenant, document) == {"FAILED": 1, "SUCCEEDED": 1}

    late = post(tenant, first, "another")
    assert late.status_code == 409
    assert late.json()["error"]["message"].startswith("The document is ready;")


def ready(tenant: Tenant, document_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        document = tenant.api.document(document_id)
        if document["status"] == "ready":
            return document
        time.sleep(0.05)
    raise AssertionError(f"{document_id} never became ready")
