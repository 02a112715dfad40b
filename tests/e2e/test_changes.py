"""The same path again and again: other bytes, the same bytes, deleted, and uploaded once more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import Audit, settled, until, upload
from tests.e2e.tenants import Tenant, make_tenant

PATH = "sign.txt"
SEVEN, NINE = b"The gate opens at seven o'clock.", b"The gate opens at nine o'clock."
LARGE = 60 * 1024 * 1024


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "changes")
    yield made
    made.api.close()


def replaced(tenant: Tenant, content: bytes) -> dict[str, Any]:
    """Upload and return the document once that upload is done with."""
    document_id = upload(tenant.api, PATH, content, "a")
    wanted = tenant.cloud.client("s3").list_object_versions(
        Bucket=tenant.cloud.outputs["DocumentsBucketName"], Prefix=f"inbox/{tenant.name}/a/{PATH}"
    )["Versions"]

    def taken() -> bool:
        return len(versions(tenant, document_id)) == len(wanted)

    until(taken, "the upload was not taken")
    return settled(tenant.api, document_id)


def versions(tenant: Tenant, document_id: str) -> list[str]:
    """Return the statuses of a document's versions, oldest first."""
    items = [item for item in Audit(tenant.cloud).items() if document_id in item["sk"]["S"]]
    found = [item for item in items if item["sk"]["S"].startswith("VERSION#")]
    return [item["status"]["S"] for item in sorted(found, key=lambda item: item["order"]["S"])]


def texts(tenant: Tenant) -> list[str]:
    body = {"query": "When does the gate open?", "collection": "a"}
    found = tenant.api.post("/v1/search", json=body)
    if found.status_code == 404:  # The collection is gone with its last document.
        return []
    return [hit["text"] for hit in found.json()["hits"]]


def vectors(tenant: Tenant) -> set[str]:
    """Return the keys of the tenant's vectors."""
    return set().union(*tenant.indexes().values())


def test_a_path_should_hold_what_was_uploaded_last_whatever_was_there_before(
    tenant: Tenant,
) -> None:
    first = replaced(tenant, SEVEN)
    again = replaced(tenant, SEVEN)
    assert (again["version"], again["sha256"]) == (first["version"], first["sha256"])
    assert texts(tenant) == [SEVEN.decode()]
    assert replaced(tenant, NINE)["version"] != first["version"]
    assert texts(tenant) == [NINE.decode()]
    third = replaced(tenant, SEVEN)
    assert third["version"] not in (first["version"], again["version"])
    assert texts(tenant) == [SEVEN.decode()]
    document_id = third["document_id"]
    assert versions(tenant, document_id) == ["ready"] * 4
    until(lambda: len(vectors(tenant)) == 1, "vectors of replaced versions stay")

    gone = tenant.api.delete(f"/v1/documents/{document_id}")
    assert gone.json()["removed"]["objects"] >= 4
    days = {backup["where"]: backup["days"] for backup in gone.json()["backups"]}
    assert days["S3 Vectors"] == 0
    assert days["DynamoDB point-in-time recovery"] == 35
    assert (texts(tenant), vectors(tenant), versions(tenant, document_id)) == ([], set(), [])

    back = replaced(tenant, SEVEN)
    assert (back["status"], back["document_id"]) == ("ready", document_id)
    assert texts(tenant) == [SEVEN.decode()]
    assert len(vectors(tenant)) == 1


def timetable(hour: str) -> bytes:
    """Return a text of three passages, each of which tells the same hour."""
    told = f"On this day of the week the gate of the weir opens at {hour} o'clock in the morning. "
    return "".join(f"# Day {n}\n\n{told * 2}\n\n" for n in range(3)).encode()


def test_searches_should_see_one_version_whole_while_others_race_to_replace_it(
    tenant: Tenant,
) -> None:
    hours = ("seven", "nine", "ten", "four", "six", "two")
    settled(tenant.api, upload(tenant.api, "hours.md", timetable(hours[0]), "a"))
    body = {"query": "When does the gate of the weir open?", "collection": "a", "limit": 20}
    seen: set[str] = set()

    def look() -> str:
        hits = tenant.api.post("/v1/search", json=body).json()["hits"]
        told = [next(hour for hour in hours if f"at {hour} o'" in hit["text"]) for hit in hits]
        assert told == told[:1] * len(told)
        assert len(told) in (0, 3)
        seen.update(told)
        return told[0] if told else ""

    for hour in hours[1:]:
        upload(tenant.api, "hours.md", timetable(hour), "a")
        for _ in range(4):
            look()
    until(lambda: look() == hours[-1], "the newest upload does not answer")
    assert len(seen) > 1
    until(lambda: len(vectors(tenant)) == 3, "vectors of replaced versions stay")


def test_an_upload_while_a_large_document_is_removed_should_stay(tenant: Tenant) -> None:
    old = replaced(tenant, SEVEN)
    tenant.cloud.client("dynamodb").update_item(
        TableName=tenant.cloud.outputs["RecordsTableName"],
        Key={
            "pk": {"S": f"TENANT#{tenant.name}"},
            "sk": {"S": f"DOCUMENT#{old['document_id']}"},
        },
        UpdateExpression="SET #bytes = :bytes",
        ExpressionAttributeNames={"#bytes": "bytes"},
        ExpressionAttributeValues={":bytes": {"N": str(LARGE)}},
    )
    job_id = tenant.job("DELETE", f"/v1/documents/{old['document_id']}")
    assert texts(tenant) == []
    upload(tenant.api, PATH, NINE, "a")
    job = tenant.ended(job_id)
    assert (job["status"], job["kind"]) == ("succeeded", "remove_document")
    assert job["document_id"] == old["document_id"]
    assert job["receipt"]["lines"]

    def back() -> bool:
        answer = tenant.api.get(f"/v1/documents/{old['document_id']}")
        return answer.status_code == 200 and answer.json()["status"] == "ready"

    until(back, "what was uploaded meanwhile is lost")
    assert texts(tenant) == [NINE.decode()]
    assert versions(tenant, old["document_id"]) == ["ready"]
    (key,) = vectors(tenant)
    assert old["version"] not in key
    assert [name for name in tenant.left() if old["version"] in name] == []
