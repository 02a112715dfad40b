"""An archive's files, and a mail's, become documents that answer, and go when it goes."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import docx
import httpx
import pytest

from chalicelib.retrieval.ids import InboxPlace
from tests.cloud import CloudProcess
from tests.data.formats.make_texts import CSV, mail, zipped
from tests.e2e.driving import Audit, api_of, settled, until, upload

COLLECTION = "archives"
ARCHIVE = "papers/station.zip"


@pytest.fixture
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        yield client


def id_of(*names: str) -> str:
    return InboxPlace("local", COLLECTION, "/".join((ARCHIVE, *names))).document_id


def report() -> bytes:
    document = docx.Document()
    document.add_heading("Crane report", 1)
    document.add_paragraph("The crane of the weir lifts at most 900 kilograms.")
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def seen(api: httpx.Client, document_id: str) -> int:
    return api.get(f"/v1/documents/{document_id}").status_code


def wait_until_gone(api: httpx.Client, *document_ids: str) -> None:
    for document_id in document_ids:
        until(lambda each=document_id: seen(api, each) == 404, f"{document_id} stayed")  # type: ignore[misc]


def hits(api: httpx.Client, query: str) -> list[str]:
    body = {"query": query, "collection": COLLECTION}
    return [hit["path"] for hit in api.post("/v1/search", json=body).json()["hits"]]


def test_members_should_be_documents_for_as_long_as_their_container_holds_them(
    cloud: CloudProcess, api: httpx.Client
) -> None:
    files = {
        "crane.docx": report(),
        "parts.csv": CSV.encode(),
        "mails/cafe.eml": mail(),
        "broken.pdf": b"%PDF-1.7\n1 0 obj\n<<",
        "__MACOSX/._crane.docx": b"\0\5\x16\7",
    }
    container = upload(api, ARCHIVE, zipped(files), COLLECTION)
    assert container == id_of()
    archive = settled(api, container)
    assert (archive["status"], archive["members"]) == ("ready", 4), archive
    crane, parts, cafe, broken = (settled(api, id_of(name)) for name in list(files)[:4])
    assert [each["status"] for each in (crane, parts, cafe)] == ["ready"] * 3
    assert (broken["status"], "damaged" in broken["reason"]) == ("rejected", True)
    assert cafe["members"] == 2
    inner = [settled(api, id_of("mails/cafe.eml", name)) for name in ("parts.csv", "Keys.eml")]
    assert [each["status"] for each in inner] == ["ready", "ready"]
    assert {each["container"] for each in (crane, parts, cafe)} == {container}
    assert {each["container"] for each in inner} == {cafe["document_id"]}

    body = {"question": "How much can the crane lift at most?", "collection": COLLECTION}
    answer = api.post("/v1/ask", json=body).json()
    assert "900 kilograms" in answer["answer"]
    assert {citation["path"] for citation in answer["citations"]} == {f"{ARCHIVE}/crane.docx"}

    _rate(api, "Where does the café move?", "cafe.eml")
    assert len(ratings(cloud)) == 1
    _a_new_version_lets_go_what_it_no_longer_holds(api, files, crane)
    assert ratings(cloud) == []
    _deleting_the_container_deletes_its_members(cloud, api)


def _rate(api: httpx.Client, query: str, name: str) -> None:
    """Say that a passage of the member `name` answers `query` better than the first one did."""
    body = {"query": query, "collection": COLLECTION, "rateable": True}
    found = api.post("/v1/search", json=body).json()
    member = next(hit for hit in found["hits"] if hit["path"].endswith(name))
    passage = {field: member[field] for field in ("document_id", "page", "start", "end")}
    rated = {"search_id": found["search_id"], "rating": "down", "better_passage": passage}
    answer = api.post("/v1/feedback", json=rated)
    assert answer.status_code == 201, answer.text


def ratings(cloud: CloudProcess) -> list[str]:
    """Return the keys of what is kept of ratings of the archive's members."""
    s3, bucket = cloud.client("s3"), cloud.outputs["DocumentsBucketName"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="feedback/local/").get("Contents", [])
    bodies = {
        each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed
    }
    return [key for key, body in bodies.items() if ARCHIVE.encode() in body]


def _a_new_version_lets_go_what_it_no_longer_holds(
    api: httpx.Client, files: dict[str, bytes], crane: dict[str, Any]
) -> None:
    upload(api, f"{ARCHIVE}/own.txt", b"The boat is kept by the owner of the mill.", COLLECTION)
    assert settled(api, id_of("own.txt"))["container"] == ""
    kept = {name: data for name, data in files.items() if name != "mails/cafe.eml"}
    upload(api, ARCHIVE, zipped({**kept, "new.txt": b"The new gate is green."}), COLLECTION)
    until(lambda: seen(api, id_of("new.txt")) == 200, "new.txt did not come")
    assert settled(api, id_of("new.txt"))["status"] == "ready"
    gone = [id_of("mails/cafe.eml", *rest) for rest in ((), ("parts.csv",), ("Keys.eml",))]
    wait_until_gone(api, *gone)
    assert settled(api, id_of("crane.docx"))["version"] == crane["version"]
    assert not any("cafe.eml" in path for path in hits(api, "Where does the café move?"))


def _deleting_the_container_deletes_its_members(cloud: CloudProcess, api: httpx.Client) -> None:
    assert api.delete(f"/v1/documents/{id_of()}").status_code == 200
    members = [id_of(name) for name in ("crane.docx", "parts.csv", "broken.pdf", "new.txt")]
    wait_until_gone(api, *members)
    for member in members:
        assert Audit(cloud).vectors_of(member) == []
    assert settled(api, id_of("own.txt"))["status"] == "ready"
    assert set(hits(api, "crane")) <= {f"{ARCHIVE}/own.txt"}
    assert Audit(cloud).messages_left("InboxDeadLettersUrl") == 0


def test_an_archive_in_itself_should_be_unpacked_three_deep_and_no_further(
    api: httpx.Client,
) -> None:
    inner = zipped({"note.txt": b"The deepest note of all tells of the old mill."})
    for _ in range(3):
        inner = zipped({"a.zip": inner})
    names = ["deep.zip", "a.zip", "a.zip", "a.zip"]
    upload(api, names[0], inner, "nested-archives")

    def at(depth: int) -> dict[str, Any]:
        path = "/".join(names[: depth + 1])
        document_id = InboxPlace("local", "nested-archives", path).document_id
        until(lambda: seen(api, document_id) == 200, f"{path} did not come")
        return settled(api, document_id)

    assert [at(depth)["members"] for depth in range(4)] == [1, 1, 1, 0]
    assert "3 containers deep" in at(3)["notices"][0]
