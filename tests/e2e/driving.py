"""Driving a local cloud as a user does, and counting what it keeps as an auditor does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from tests.cloud import CloudProcess

Found = TypeVar("Found")

DEADLINE_SECONDS = 120.0
ENDED = ("ready", "rejected", "failed")
INDEX = "local-minilm-l6-v2-int8.terms"


def until(what: Callable[[], Found | None], why: str, seconds: float = DEADLINE_SECONDS) -> Found:
    """Ask again until there is an answer, and say what was missing if there is none.

    What takes long is asked for more seldom: each question takes time from what is waited for.
    """
    began = time.monotonic()
    while True:
        answer = what()
        if answer:
            return answer
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"{why} within {seconds:g} s")
        time.sleep(min(0.5, 0.05 + waited / 12))


class PatientTransport(httpx.HTTPTransport):
    """Sends a request again after `Retry-After` while it is throttled, as our own client does.

    Ten functions at once are few for what a test does meanwhile; what is throttled for longer than
    the deadline is answered as it is. The gateway refuses also where its authorizer is throttled.
    Of what the API itself refuses, a quota or a model that is down is no matter of seconds.
    """

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while True:
            answer = super().handle_request(request)
            if answer.status_code not in (429, 503) or time.monotonic() > deadline:
                return answer
            answer.read()
            by_gateway = "x-amzn-ErrorType" in answer.headers
            if not by_gateway and answer.json()["error"]["type"] != "Throttled":
                return answer
            time.sleep(float(answer.headers["Retry-After"]))


def client_of(cloud: CloudProcess, key: str) -> httpx.Client:
    """Return a client that speaks with `key`, and waits where it is throttled."""
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(
        base_url=cloud.endpoint_url, headers=headers, timeout=60, transport=PatientTransport()
    )


def api_of(cloud: CloudProcess) -> httpx.Client:
    """A client with the local tenant's key."""
    return client_of(cloud, cloud.api_key)


def upload(api: httpx.Client, path: str, content: bytes, collection: str, **fields: object) -> str:
    """Upload as a browser would; return the document's id once S3 has acknowledged.

    `fields` are more of what the announcement says.
    """
    body = {"path": path, "bytes": len(content), "collection": collection, **fields}
    created = api.post("/v1/documents", json=body)
    assert created.status_code == 201, created.text
    form = created.json()["upload"]
    answer = httpx.post(form["url"], data=form["fields"], files={"file": (path, content)})
    assert answer.status_code == 204, answer.text
    return str(created.json()["document_id"])


def settled(
    api: httpx.Client, document_id: str, seconds: float = DEADLINE_SECONDS
) -> dict[str, Any]:
    """Return the document once it has ended, one way or another."""

    def ended() -> dict[str, Any] | None:
        answer = api.get(f"/v1/documents/{document_id}")
        if answer.status_code == 404 or answer.is_server_error:  # not there yet, worker killed
            return None
        document: dict[str, Any] = answer.json()
        return document if document["status"] in ENDED else None

    return until(ended, f"{document_id} did not settle", seconds)


@dataclass(frozen=True, slots=True)
class Audit:
    """What the stores hold, read beside the API: records, vectors, executions, places."""

    cloud: CloudProcess

    def items(self) -> list[dict[str, Any]]:
        pages = self.cloud.client("dynamodb").get_paginator("scan")
        table = self.cloud.outputs["RecordsTableName"]
        return [item for page in pages.paginate(TableName=table) for item in page["Items"]]

    def partition(self, pk: str) -> list[dict[str, Any]]:
        """Return the records of one partition, which is cheap to ask again and again."""
        pages = self.cloud.client("dynamodb").get_paginator("query")
        asked = {
            "TableName": self.cloud.outputs["RecordsTableName"],
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": {"S": pk}},
        }
        return [item for page in pages.paginate(**asked) for item in page["Items"]]

    def vectors_of(self, document_id: str) -> list[str]:
        pages = self.cloud.client("s3vectors").get_paginator("list_vectors")
        where = {"vectorBucketName": self.cloud.outputs["VectorBucketName"], "indexName": INDEX}
        keys = [vector["key"] for page in pages.paginate(**where) for vector in page["vectors"]]
        return [key for key in keys if key.startswith(f"{document_id}/")]

    def executions(self, status: str | None = None) -> list[dict[str, Any]]:
        pages = self.cloud.client("stepfunctions").get_paginator("list_executions")
        where = {"stateMachineArn": self.cloud.outputs["IngestMachineArn"]}
        wanted = {"statusFilter": status} if status else {}
        return [each for page in pages.paginate(**where, **wanted) for each in page["executions"]]

    def places_taken(self) -> int:
        mine = self.partition("ADMISSION")
        counted = [int(item["running"]["N"]) for item in mine if item["sk"]["S"] == "ingest"]
        held = [item for item in mine if item["sk"]["S"].startswith("RUNNING#")]
        assert sum(counted) >= 0
        return max(sum(counted), len(held))

    def history(self, execution_arn: str) -> list[dict[str, Any]]:
        pages = self.cloud.client("stepfunctions").get_paginator("get_execution_history")
        return [
            event for page in pages.paginate(executionArn=execution_arn) for event in page["events"]
        ]

    def messages_left(self, output: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.cloud.client("sqs").get_queue_attributes(
            QueueUrl=self.cloud.outputs[output], AttributeNames=names
        )
        return sum(int(found["Attributes"][name]) for name in names)


def register_version(cloud: CloudProcess, group: str) -> str:
    """Register a first version in a group of trained models, pending approval; return the group."""
    registry = cloud.client("sagemaker")
    registry.create_model_package_group(ModelPackageGroupName=group)
    registry.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [{"Image": "none", "ModelDataUrl": "s3://none/model.tar.gz"}],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
        CustomerMetadataProperties={"loss": "0.25"},
        ModelApprovalStatus="PendingManualApproval",
    )
    return group
