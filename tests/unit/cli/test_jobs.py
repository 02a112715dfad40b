"""The commands about jobs, against a Headrace whose jobs go on by a step a look."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cli import jobs as commands
from tests.unit.cli.conftest import Ended, Headrace

Json = dict[str, Any]
FILES = {"part-00001.zip": b"PK-one", "errors-0-00000.jsonl": b"{}\n"}


BACKUPS = [{"where": "DynamoDB", "what": "its path", "days": 35}]

ESTIMATE = {
    "items": 1,
    "dollars": "0.5",
    "dollars_bound": "9",
    "seconds": 3,
    "models": [
        {
            "wanted": "auto",
            "items": 1,
            "paths": [{"service_tier": "standard", "dollars": "0.5", "reason": ""}],
            "words": ["1. Nova Micro."],
        }
    ],
}


@dataclass
class FakeJobs:
    """Jobs by id; each look at an open one brings it to the next of `ends`.

    `pauses_in` is the phase in which a job is paused.
    """

    ends: list[str] = field(default_factory=lambda: ["running", "succeeded"])
    jobs: dict[str, Json] = field(default_factory=dict)
    asked: list[tuple[str, str, Json]] = field(default_factory=list)
    pauses_in: str = "estimated"
    refuses_keys: bool = False
    short: bool = False
    url: str = ""
    uploaded: bytes = b""
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))

    def begin(self, kind: str, **fields: Any) -> tuple[int, Json]:
        job_id = f"JOB{len(self.jobs)}"
        counts = {"total": 2, "done": 0, "failed": 0, "cancelled": 0, "expired": 0}
        self.jobs[job_id] = {
            "job_id": job_id,
            "kind": kind,
            "status": "queued",
            "phase": "",
            "counts": counts,
            "created_at": "2026-05-04T12:30:00Z",
            "results": [],
            "receipt": None,
            "error": None,
            "backups": [] if kind == "export" else BACKUPS,
            **fields,
        }
        return 202, self.jobs[job_id]

    def look(self, job_id: str) -> tuple[int, Json]:
        job = self.jobs[job_id]
        if self.refuses_keys and job["status"] == "running":
            return 403, {"error": {"type": "Forbidden", "message": "This API key is unknown."}}
        if job["status"] in commands.OPEN and self.ends:
            status = self.ends.pop(0)
            job |= {"status": status, "phase": self.pauses_in if status == "paused" else "packing"}
        if job["status"] in ("succeeded", "partial", "expired"):
            job["counts"] |= {"done": 2}
            job["results"] = [
                {"name": name, "bytes": len(body) + self.short, "url": f"{self.url}/bucket/{name}"}
                for name, body in self.files.items()
            ]
        if job["status"] == "failed":
            job["error"] = {"type": "Transient", "message": "The bucket did not answer."}
        return 200, job

    def batch(self, *more: str) -> tuple[int, Json]:
        if more:
            upload = {"url": f"{self.url}/form", "fields": {"key": "k"}}
            return 201, {"batch_id": "UPLOADED", "upload": upload}
        return self.begin("batch", model="m", notes=["The models cost $0.1."], estimate=ESTIMATE)

    def moved(self, job_id: str, move: str = "cancel") -> tuple[int, Json]:
        becomes = {"cancel": "cancelled", "pause": "paused"}
        self.jobs[job_id]["status"] = becomes.get(move, "queued")
        return 202, self.jobs[job_id]

    def answer(self, method: str, path: str, body: Json) -> tuple[int, Json]:
        self.asked.append((method, path, body))
        where = path.split("?")[0].split("/")[2:]
        match (method, where):
            case ("POST", ["exports"]):
                return self.begin("export", **body)
            case ("DELETE", ["tenant"]):
                return self.begin("remove_tenant")
            case ("DELETE", ["collections", name, "documents"]):
                return self.begin("remove_collection", collection=name)
            case ("DELETE", ["documents", document_id]):
                return self.begin("remove_document", document_id=document_id)
            case ("POST", ["generations", "batches", *more]):
                return self.batch(*more)
            case ("GET", ["jobs"]):
                return 200, {"items": list(self.jobs.values()), "next_cursor": None}
            case ("POST" | "DELETE", ["jobs", job_id, *moves]):
                return self.moved(job_id, *moves)
            case ("GET", ["jobs", job_id]):
                return self.look(job_id)
        return 404, {"error": {"type": "NotFound", "message": path}}


class Handler(BaseHTTPRequestHandler):
    fake: FakeJobs

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        return

    def _respond(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/form":
            self.fake.uploaded = raw
            status, sent = 204, b""
        elif self.path.startswith("/bucket/"):
            status, sent = 200, self.fake.files[self.path.rsplit("/", 1)[-1]]
        else:
            status, body = self.fake.answer(self.command, self.path, json.loads(raw or b"{}"))
            sent = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_DELETE = _respond  # noqa: N815 - the names that the server calls


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeJobs]:
    fake = FakeJobs()
    handler = type("Bound", (Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    monkeypatch.setattr(commands, "POLL_SECONDS", 0.0)
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


Call = Callable[..., Ended]


@pytest.fixture
def call(headrace: Headrace, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("HEADRACE_ENDPOINT", jobs.url)
    return headrace


def test_should_export_into_a_folder_and_tell_of_progress(
    call: Call, jobs: FakeJobs, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    ended = call("export", str(folder), "--collection", "station")
    assert ended.code == 0
    assert jobs.asked[0] == ("POST", "/v1/exports", {"collection": "station"})
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == FILES
    assert "running (packing): 0 of 2 documents" in ended.err
    assert "succeeded (packing): 2 of 2 documents" in ended.out


def test_should_print_json_only_for_programs(call: Call, tmp_path: Path) -> None:
    ended = call("export", str(tmp_path / "out"), "--json")
    assert len(ended.json["files"]) == 2
    assert ended.err == ""


def test_should_fetch_what_an_earlier_export_made(
    call: Call, jobs: FakeJobs, tmp_path: Path
) -> None:
    jobs.begin("export")
    assert call("export", str(tmp_path / "out"), "--job", "JOB0").code == 0
    assert not [method for method, _, _ in jobs.asked if method == "POST"]


def test_should_end_with_1_where_something_was_not_exported(
    call: Call, jobs: FakeJobs, tmp_path: Path
) -> None:
    jobs.ends = ["partial"]
    assert call("export", str(tmp_path / "out")).code == 1
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_should_say_why_an_export_failed(call: Call, jobs: FakeJobs, tmp_path: Path) -> None:
    jobs.ends = ["failed"]
    ended = call("export", str(tmp_path / "out"))
    assert ended.code == 1
    assert "Transient: The bucket did not answer." in ended.out


def test_should_not_write_between_other_files(call: Call, jobs: FakeJobs, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    ended = call("export", str(tmp_path))
    assert (ended.code, jobs.asked) == (2, [])
    assert "is not empty" in ended.err


def test_should_notice_a_file_that_is_not_whole(call: Call, jobs: FakeJobs, tmp_path: Path) -> None:
    jobs.short = True
    ended = call("export", str(tmp_path / "out"))
    assert ended.code == 1
    assert "has 6 bytes, not 7" in ended.err


def test_should_list_jobs_and_show_one(call: Call, jobs: FakeJobs) -> None:
    jobs.begin("export")
    assert "JOB0" in call("jobs", "--kind", "export").out
    assert call("jobs", "--json").json[0]["job_id"] == "JOB0"
    assert "export" in call("jobs", "JOB0").out
    assert jobs.asked[0][1] == "/v1/jobs?kind=export"


def test_should_try_a_job_again_and_wait_for_it(call: Call, jobs: FakeJobs) -> None:
    jobs.begin("export")
    jobs.jobs["JOB0"]["status"] = "failed"
    assert call("jobs", "JOB0", "--retry").code == 0
    jobs.ends = ["failed"]
    assert call("jobs", "JOB0", "--retry").code == 1


def test_should_cancel_a_job(call: Call, jobs: FakeJobs) -> None:
    jobs.begin("export")
    assert "cancelled" in call("jobs", "JOB0", "--cancel").out


@pytest.mark.parametrize("options", [["--retry"], ["--cancel"], ["JOB0", "--retry", "--cancel"]])
def test_should_refuse_what_makes_no_sense(call: Call, options: list[str]) -> None:
    assert call("jobs", *options).code == 2


def test_should_remove_a_collection_once_it_was_confirmed(
    call: Call, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert call("remove-collection", "station").code == 1
    assert jobs.asked == []
    ended = call("remove-collection", "station", "--yes")
    assert ended.code == 0
    assert jobs.asked[0][1] == "/v1/collections/station/documents"
    assert "DynamoDB, up to 35 days: its path" in ended.out


def test_should_wait_for_the_job_that_removes_a_large_document(call: Call, jobs: FakeJobs) -> None:
    ended = call("rm", "doc_large", "--yes")
    assert ended.code == 0
    looks = [path for _, path, _ in jobs.asked]
    assert looks == ["/v1/documents/doc_large", *["/v1/jobs/JOB0"] * 2]
    assert "Deleted doc_large." in ended.out
    assert "DynamoDB, up to 35 days: its path" in ended.out


def test_should_say_that_a_large_document_was_not_removed(call: Call, jobs: FakeJobs) -> None:
    jobs.ends[:] = ["failed"]
    ended = call("rm", "doc_large", "--yes")
    assert ended.code == 1
    assert "doc_large was not removed: see `headrace jobs JOB0`." in ended.err


def test_should_remove_a_tenant_whose_name_was_typed_and_take_the_lost_key_for_the_end(
    call: Call, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.refuses_keys = True
    monkeypatch.setattr("sys.stdin", io.StringIO("acme\n"))
    ended = call("remove-tenant")
    assert ended.code == 0
    assert jobs.asked[0] == ("DELETE", "/v1/tenant", {"tenant": "acme"})
    assert "The tenant acme is removed" in ended.out
    assert "DynamoDB, up to 35 days: its path" in ended.out


def test_should_say_why_a_removal_stopped(call: Call, jobs: FakeJobs) -> None:
    jobs.ends = ["failed"]
    ended = call("remove-tenant", "--confirm", "acme")
    assert ended.code == 1
    assert "Transient" in ended.out


def test_should_not_take_a_key_that_never_was_for_an_end(call: Call, jobs: FakeJobs) -> None:
    jobs.begin("remove_tenant")
    jobs.jobs["JOB0"]["status"] = "running"
    jobs.refuses_keys = True
    assert call("jobs", "JOB0").code == 1
