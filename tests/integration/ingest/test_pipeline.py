"""From an object in the inbox to a document that can be searched, through the local cloud."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.ingest import IngestTable
from chalicelib.contracts.documents import Document
from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.retrieval.ids import InboxPlace, chunks_key, pages_key, vector_key
from tests.cloud import CloudProcess
from tests.unit.functions.read_document.files import encrypted_pdf, scanned_pdf

SAMPLES = Path(__file__).parents[3] / "samples"
DEADLINE_SECONDS = 60
TAKES_EVENTS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
    ],
}
TENANT = "local"

Found = TypeVar("Found")


class Inbox:
    """One collection of the local tenant."""

    def __init__(self, cloud: CloudProcess, collection: str) -> None:
        self._cloud = cloud
        self._collection = collection
        self.bucket = cloud.outputs["DocumentsBucketName"]
        self.table = DynamoTable(cloud.client("dynamodb"), cloud.outputs["RecordsTableName"])
        self.records = IngestTable(self.table)

    def place(self, path: str) -> InboxPlace:
        return InboxPlace(TENANT, self._collection, path)

    def put(self, path: str, content: bytes) -> None:
        key = self.place(path).key
        self._cloud.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def document(self, path: str) -> Document | None:
        return self.records.document(TENANT, self.place(path).document_id)

    def ended(self, path: str, after: str = "") -> Document:
        """Return the document once a version other than `after` is through."""

        def look() -> Document | None:
            found = self.document(path)
            if found and found.status != "processing" and found.latest_version != after:
                return found
            return None

        return eventually(look, f"{path} never ended")

    def read(self, key: str) -> bytes:
        answer = self._cloud.client("s3").get_object(Bucket=self.bucket, Key=key)
        body: bytes = answer["Body"].read()
        return body

    def vector_keys(self, document: Document) -> set[str]:
        """Return the keys of every vector of a document, whatever its version."""
        index = self.records.live_index(TENANT)
        assert index is not None
        pages = self._cloud.client("s3vectors").get_paginator("list_vectors")
        listed = pages.paginate(vectorBucketName=index.bucket, indexName=index.name)
        keys = {vector["key"] for page in listed for vector in page["vectors"]}
        return {key for key in keys if key.startswith(document.document_id)}

    def settled(self, document: Document, version: str) -> bool:
        found = self.records.version(TENANT, document.document_id, version)
        return found is not None and found.settled_at is not None


def eventually(look: Callable[[], Found | None], complaint: str) -> Found:
    """Return what `look` finds before the deadline."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(complaint)


@pytest.fixture
def inbox(cloud: CloudProcess) -> Inbox:
    """Return an empty collection."""
    return Inbox(cloud, f"t{uuid.uuid4().hex[:12]}")


@pytest.fixture
def heard(cloud: CloudProcess) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Return what was published on the bus since, of which events stay in a queue until asked."""
    name = f"t{uuid.uuid4().hex[:12]}"
    sqs, events = cloud.client("sqs"), cloud.client("events")
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": json.dumps(TAKES_EVENTS)})[
        "QueueUrl"
    ]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    bus = cloud.outputs["EventBusName"]
    pattern = json.dumps({"source": ["headrace"]})
    events.put_rule(Name=name, EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "q", "Arn": arn["QueueArn"]}])

    def hear() -> list[dict[str, object]]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    yield hear
    events.remove_targets(Rule=name, EventBusName=bus, Ids=["q"])
    events.delete_rule(Name=name, EventBusName=bus)


@pytest.mark.parametrize("sample", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_every_sample_becomes_searchable_and_its_counts_add_up(inbox: Inbox, sample: Path) -> None:
    inbox.put(sample.name, sample.read_bytes())
    document = inbox.ended(sample.name)
    assert (document.status, document.reason) == ("ready", "")
    place = (TENANT, document.document_id, document.version)
    pages = parse_lines(inbox.read(pages_key(*place)), Page, document.pages)
    chunks = parse_lines(inbox.read(chunks_key(*place)), Chunk, document.chunks)
    for chunk in chunks:
        assert chunk.text == pages[chunk.page - 1].text[chunk.start : chunk.end]
    expected = {
        vector_key(document.document_id, document.version, n) for n in range(document.chunks)
    }
    assert inbox.vector_keys(document) == expected
    assert document.receipt is not None
    assert document.receipt.tokens_in > 0
    assert document.receipt.dollars > 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04" + bytes(80), "cut-off archive"),
        (encrypted_pdf(), "password"),
        (scanned_pdf(2), "no text"),
        (b"%PDF-1.7\n1 0 obj\n<<", "damaged"),
    ],
    ids=["empty", "zip", "locked", "scan", "cut off"],
)
def test_what_cannot_be_read_is_rejected_with_a_reason(
    inbox: Inbox, content: bytes, words: str
) -> None:
    inbox.put("report.txt", content)
    document = inbox.ended("report.txt")
    assert document.status == "rejected"
    assert words in document.reason


def test_an_upload_is_announced_and_replaced_and_cleared(
    inbox: Inbox, heard: Callable[[], list[dict[str, object]]]
) -> None:
    inbox.put("a.txt", b"The pump stands still on Sundays. " * 60)
    first = inbox.ended("a.txt")
    assert len(inbox.vector_keys(first)) == first.chunks

    def ready() -> dict[str, object] | None:
        return next(
            (
                event
                for event in heard()
                if event["detail-type"] == "document.ready"
                and first.document_id in json.dumps(event["detail"])
            ),
            None,
        )

    assert eventually(ready, "nothing was announced")

    inbox.put("a.txt", b"The pump runs every day.")
    second = inbox.ended("a.txt", after=first.latest_version)
    assert second.version == second.latest_version != first.version
    eventually(lambda: inbox.settled(second, second.version), "it was never settled")
    assert inbox.vector_keys(second) == {vector_key(second.document_id, second.version, 0)}

    inbox.put("a.txt", b"The pump runs every day.")
    third = inbox.ended("a.txt", after=second.latest_version)
    assert (third.status, third.version) == ("ready", second.version)
    eventually(lambda: inbox.settled(third, third.latest_version), "it was never settled")
    assert inbox.vector_keys(third) == inbox.vector_keys(second)
