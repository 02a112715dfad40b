"""What the commands tell of a batch when the endpoint is lost in the middle of it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import httpx
import pytest

from cli.client import Api
from cli.documents.results import DocumentResult
from cli.documents.uploads import LocalFile, Uploader
from cli.failures import UnreachableError
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace


def files(folder: Path, *names: str) -> list[LocalFile]:
    for name in names:
        (folder / name).write_text(name)
    return [LocalFile(folder / name, name) for name in names]


class Losing:
    """Takes `lasting` announcements and then answers nothing any more."""

    def __init__(self, lasting: int) -> None:
        self.lasting = lasting
        self.announced: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/documents":
            self.announced.append(json.loads(request.content)["path"])
        if len(self.announced) > self.lasting:
            raise httpx.ConnectError("refused")
        if request.url.path == "/v1/documents":
            upload = {"url": "http://127.0.0.1:1/bucket", "fields": {}}
            return httpx.Response(201, json={"document_id": "doc_1", "upload": upload})
        if request.url.path == "/bucket":
            return httpx.Response(204)
        return httpx.Response(404, json={"error": {"type": "NotFound"}})


def upload(losing: Losing, sources: list[LocalFile], wait: float | None) -> list[DocumentResult]:
    """Return the results of an upload that has to end by `UnreachableError`."""
    api = Api(
        "http://127.0.0.1:1",
        "hr_x",
        transport=httpx.MockTransport(losing),
        sleep=lambda seconds: None,
    )
    uploading = Uploader(api, "default", wait).upload_all(sources)
    results = [
        item
        for item in itertools.islice(uploading, len(sources))
        if isinstance(item, DocumentResult)
    ]
    with pytest.raises(UnreachableError, match="refused"):
        next(uploading)
    return results


def test_should_report_every_file_and_ask_for_none_in_vain(tmp_path: Path) -> None:
    losing = Losing(1)
    results = upload(losing, files(tmp_path, "a", "b", "c"), None)
    assert [(result.path, result.state) for result in results] == [
        ("a", "uploaded"),
        ("b", "failed"),
        ("c", "failed"),
    ]
    assert results[1].reason.startswith("Cannot reach")
    assert results[2].reason.startswith("Not tried: Cannot reach")
    assert "c" not in losing.announced


def test_should_say_of_an_uploaded_file_that_its_end_is_not_known(tmp_path: Path) -> None:
    results = upload(Losing(1), files(tmp_path, "a", "b"), 10)
    assert {result.path: result.document_id for result in results} == {"a": "doc_1", "b": ""}
    assert {result.state for result in results} == {"failed"}
    assert any(result.reason.startswith("It is not known") for result in results)


def test_put_should_print_what_was_done_and_exit_with_3(headrace: Headrace, tmp_path: Path) -> None:
    sources = [str(local.file) for local in files(tmp_path, "a.txt", "gone.txt", "z.txt")]
    ended = headrace("put", *sources, "--no-wait", "--json")
    assert ended.code == 3
    assert [(item["path"], item["state"]) for item in ended.json] == [
        ("a.txt", "uploaded"),
        ("gone.txt", "failed"),
        ("z.txt", "failed"),
    ]
    assert all(item["reason"] for item in ended.json[1:])
    assert "not JSON" in ended.err


def test_retry_should_print_every_document_and_exit_with_3(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    fake.gone = True
    ended = headrace("retry", "doc_1", "doc_2", "--json")
    assert ended.code == 3
    assert [(item["document_id"], item["state"]) for item in ended.json] == [
        ("doc_1", "failed"),
        ("doc_2", "failed"),
    ]
