"""`headrace batch`, against a Headrace whose jobs go on by a step a look."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.unit.cli.test_jobs import FILES, Call, FakeJobs, call, jobs

__all__ = ["call", "jobs"]

UPLOADS = "/v1/generations/batches/uploads"
BATCHES = "/v1/generations/batches"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    file = tmp_path / "calls.jsonl"
    file.write_text('{"id": "a", "prompt": "Hi"}\n')
    return file


def test_should_upload_a_file_and_fetch_what_was_answered(
    call: Call, jobs: FakeJobs, calls: Path, tmp_path: Path
) -> None:
    ended = call("batch", str(calls), str(tmp_path / "out"), "--model", "nova-micro")
    assert ended.code == 0, ended.err
    asked = [(path, body) for _, path, body in jobs.asked if path.startswith(BATCHES)]
    assert asked == [
        (UPLOADS, {"bytes": calls.stat().st_size}),
        (BATCHES, {"batch_id": "UPLOADED", "model": "nova-micro"}),
    ]
    assert b'"prompt": "Hi"' in jobs.uploaded
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == FILES
    assert "2 of 2 calls" in ended.out
    assert "The models cost $0.1" in ended.out


def test_should_say_everything_that_was_asked(
    call: Call, jobs: FakeJobs, calls: Path, tmp_path: Path
) -> None:
    options = ["--quality", "2", "--tier", "flex", "--check", "finish", "--check", "lacks:x"]
    more = ["--deadline", "60", "--keep-truncated", "--no-fallback"]
    call("batch", str(calls), str(tmp_path / "out"), *options, *more)
    (body,) = (body for _, path, body in jobs.asked if path == BATCHES)
    assert body == {
        "batch_id": "UPLOADED",
        "quality": 2,
        "service_tier": "flex",
        "checks": ["finish", "lacks:x"],
        "deadline_seconds": 60,
        "keep_truncated": True,
        "fallback": False,
    }


def test_should_show_the_estimate_and_begin_once_it_is_confirmed(
    call: Call, jobs: FakeJobs, calls: Path, tmp_path: Path
) -> None:
    jobs.ends = ["paused", "running", "succeeded"]
    ended = call("batch", str(calls), str(tmp_path / "out"), "--estimate", "--yes")
    assert ended.code == 0, ended.err
    assert "1 calls, 0 invalid lines; at most $0.5 if the first model answers" in ended.out
    assert "With every fallback, repair and repeat: at most $9 a round." in ended.out
    assert [path for _, path, _ in jobs.asked if path.endswith("/resume")] == [
        "/v1/jobs/JOB0/resume"
    ]


def test_should_leave_a_batch_that_is_not_confirmed(
    call: Call, jobs: FakeJobs, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs.ends = ["paused"]
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ended = call("batch", str(calls), str(tmp_path / "out"), "--estimate")
    assert ended.code == 1
    assert "headrace jobs JOB0 --resume" in ended.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("end", ["partial", "expired"])
def test_should_end_with_1_where_a_line_was_not_answered(
    call: Call, jobs: FakeJobs, calls: Path, tmp_path: Path, end: str
) -> None:
    jobs.ends = [end]
    assert call("batch", str(calls), str(tmp_path / "out")).code == 1
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_should_say_why_a_batch_failed(
    call: Call, jobs: FakeJobs, calls: Path, tmp_path: Path
) -> None:
    jobs.ends = ["failed"]
    ended = call("batch", str(calls), str(tmp_path / "out"))
    assert ended.code == 1
    assert "Transient: The bucket did not answer." in ended.out


@pytest.mark.parametrize("move", ["pause", "resume"])
def test_should_pause_and_resume_a_batch(call: Call, jobs: FakeJobs, move: str) -> None:
    jobs.begin("batch", job_id="JOB0")
    assert call("jobs", "JOB0", f"--{move}").code == 0
    assert ("POST", f"/v1/jobs/JOB0/{move}", {}) in jobs.asked
    assert call("jobs", f"--{move}").code == 2
    assert call("jobs", "JOB0", "--pause", "--resume").code == 2


@pytest.mark.parametrize(("answer", "resumed"), [("y\n", 1), ("n\n", 0)])
def test_should_ask_before_a_failed_job_is_answered_at_a_higher_price(
    call: Call,
    jobs: FakeJobs,
    calls: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    resumed: int,
) -> None:
    jobs.ends, jobs.pauses_in = ["paused", "running", "succeeded"], "generating"
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ended = call("batch", str(calls), str(tmp_path / "out"), "--tier", "batch", "--yes")
    assert ended.code == 1 - resumed
    assert "The models cost $0.1." in ended.err
    assert "Go on?" in ended.err
    resumes = [path for _, path, _ in jobs.asked if path.endswith("/resume")]
    assert len(resumes) == resumed
