"""Values that tests begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.contracts.arrivals import ObjectCreated
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.ingest import IngestInput
from chalicelib.jobs.ingest_claims import ingest_input

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:headrace-test-ingest"
BUCKET = "headrace-test-documents"
KEY = "inbox/acme/default/handbook.md"


def object_created(
    key: str = KEY,
    *,
    version_id: str = "one",
    sequencer: str = "0062E99A88DC407460",
    size: int = 20,
    id: str = "event-1",  # noqa: A002 - the event's own name for it
    time: datetime = NOW - timedelta(seconds=1),
) -> ObjectCreated:
    """Return S3's event for an upload."""
    return ObjectCreated.model_validate(
        {
            "id": id,
            "time": time,
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": BUCKET},
                "object": {
                    "key": key,
                    "size": size,
                    "version-id": version_id,
                    "sequencer": sequencer,
                },
            },
        }
    )


def arrival(**details: Any) -> str:
    """Return the queue message of an upload."""
    return object_created(**details).model_dump_json(by_alias=True)


def work(**details: Any) -> IngestInput:
    """Return the input of an upload's execution."""
    return ingest_input(object_created(**details))


def document(version: str = "", **fields: Any) -> Document:
    """Return a document that answers with `version`."""
    fields = {"status": "ready" if version else "processing", **fields}
    return Document(
        document_id="doc_a",
        version=version,
        collection="default",
        path="handbook.md",
        created_at=NOW,
        updated_at=NOW,
        **fields,
    )


def version(name: str = "v_a", **fields: Any) -> Version:
    """Return a version."""
    return Version.model_validate(
        {
            "document_id": "doc_a",
            "version": name,
            "order": "00",
            "collection": "default",
            "path": "handbook.md",
            "status": "ready",
            "created_at": NOW,
            "updated_at": NOW,
            "bucket": BUCKET,
            "key": KEY,
            "object_version_id": "one",
            "execution_arn": "arn",
            "attempt": 1,
            **fields,
        }
    )
