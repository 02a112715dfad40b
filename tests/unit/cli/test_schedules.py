"""The command `schedules`: terms from options, times in the schedule's zone, a run's end."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.contracts.prompts import SavePromptRequest
from chalicelib.contracts.schedules import CreateScheduleRequest, Schedule, ScheduleRun
from cli.client import Api
from cli.local import demo
from cli.output import Output
from cli.schedules import commands
from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import KEY, FakeHeadrace

Json = dict[str, Any]
NIGHTLY = (
    *("create", "nightly", "--cron", "0 2 * * ? *", "--zone", "Europe/Berlin"),
    *("--prompt", "sum-up", "--collection", "inbox", "--into", "summaries"),
)
RUN: Json = {
    "run_id": "RUN1",
    "schedule": "nightly",
    "trigger": "time",
    "scheduled_at": "2026-03-29T00:00:00Z",
    "status": "partial",
    "reason": "1 of 3 documents failed.",
    "job_id": "RUN1",
    "attempts": 1,
    "counts": {"total": 3, "done": 2, "failed": 1},
    "receipt": {"lines": [], "seconds": 1.5, "dollars": "0.0031"},
    "notes": ["one note"],
    "results": ["s3://lake/out/"],
    "created_at": "2026-03-29T00:00:00Z",
}


def schedule(**changes: Any) -> Json:
    """Return a schedule as the API shows it."""
    return Schedule.model_validate(
        {
            "schedule_id": "01K",
            "name": "nightly",
            "status": "active",
            "terms": {
                "expression": "cron(0 2 * * ? *)",
                "time_zone": "Europe/Berlin",
                "budget": "2.5",
                "work": {
                    "kind": "batch",
                    "source": {"type": "documents", "collection": "inbox"},
                    "prompt": {"name": "sum-up"},
                    "results": [{"type": "collection", "collection": "summaries"}],
                },
            },
            "next": ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"],
            "watermark": "2026-03-28T01:00:05Z",
            "last_run": RUN,
            "created_at": "2026-03-01T00:00:00Z",
            "updated_at": "2026-03-01T00:00:00Z",
            **changes,
        }
    ).model_dump(mode="json")


def run(**changes: Any) -> Json:
    return ScheduleRun.model_validate(RUN | changes).model_dump(mode="json")


def created(fake: FakeHeadrace, headrace: Headrace, *arguments: str) -> Json:
    """Run `schedules create`; return the terms that were sent, which the API must accept."""
    fake.answer = schedule()
    kinds = {"tone": "string", "most": "integer", "words": "strings"}
    declared = {name: {"type": kind} for name, kind in kinds.items()}
    fake.shown["/v1/prompts/tag/versions/3"] = {"content": {"variables": declared}}
    ended = headrace("schedules", *arguments)
    assert ended.code == 0, ended.err
    method, path, body = fake.requests[-1]
    assert (method, path) == ("POST", "/v1/schedules")
    CreateScheduleRequest.model_validate(body)
    return body


def test_should_make_a_nightly_batch_of_three_lines(fake: FakeHeadrace, headrace: Headrace) -> None:
    assert created(fake, headrace, *NIGHTLY) == {
        "name": "nightly",
        "expression": "cron(0 2 * * ? *)",
        "time_zone": "Europe/Berlin",
        "work": {
            "kind": "batch",
            "source": {"type": "documents", "collection": "inbox"},
            "prompt": {"name": "sum-up"},
            "results": [{"type": "collection", "collection": "summaries"}],
        },
    }


@pytest.mark.parametrize(
    ("options", "expression"),
    [
        (("--every", "1h"), "rate(1 hour)"),
        (("--every", "15m"), "rate(15 minutes)"),
        (("--every", "rate(2 days)"), "rate(2 days)"),
        (("--at", "2026-12-01T08:00"), "at(2026-12-01T08:00:00)"),
        (("--cron", "cron(0 2 * * ? *)"), "cron(0 2 * * ? *)"),
    ],
)
def test_should_write_the_expression_of_a_time(
    fake: FakeHeadrace, headrace: Headrace, options: tuple[str, ...], expression: str
) -> None:
    assert created(fake, headrace, "create", "x", *options, "--export")["expression"] == expression


@pytest.mark.parametrize(
    ("options", "work"),
    [
        (
            (
                *("--prompt", "tag", "--version", "3", "--all"),
                *("--var", "tone=dry", "--var", "most=5", "--var", "words=a", "--var", "words=b"),
            ),
            {
                "kind": "batch",
                "source": {"type": "documents", "changed": False},
                "prompt": {
                    "name": "tag",
                    "version": 3,
                    "variables": {"tone": "dry", "most": 5, "words": ["a", "b"]},
                },
            },
        ),
        (
            ("--prompt", "tag", "--version", "live", "--search", "weir", "--limit", "5"),
            {
                "kind": "batch",
                "source": {"type": "search", "query": "weir", "limit": 5},
                "prompt": {"name": "tag", "version": "live"},
            },
        ),
        (
            ("--calls", "s3://lake/calls/", "--results", "s3://lake/out/", "--webhook", "wh_a"),
            {
                "kind": "batch",
                "source": {"type": "prefix", "uri": "s3://lake/calls/"},
                "results": [
                    {"type": "s3", "uri": "s3://lake/out/"},
                    {"type": "webhook", "webhook_id": "wh_a"},
                ],
            },
        ),
        (
            ("--calls", "s3://lake/calls.jsonl", "--model", "auto", "--deadline", "3600"),
            {
                "kind": "batch",
                "source": {"type": "object", "uri": "s3://lake/calls.jsonl"},
                "model": "auto",
                "deadline_seconds": 3600,
            },
        ),
        (
            ("--sync", "s3://lake/papers/", "papers", "--remove"),
            {"kind": "sync", "uri": "s3://lake/papers/", "collection": "papers", "remove": True},
        ),
        (("--export", "--collection", "a"), {"kind": "export", "collection": "a"}),
        (
            ("--extract", "bills@2", "--collection", "a", "--all"),
            {"kind": "extraction", "extractor": "bills@2", "collection": "a", "changed": False},
        ),
        (("--report", "week"), {"kind": "report", "period": "week"}),
    ],
)
def test_should_write_every_kind_of_work(
    fake: FakeHeadrace, headrace: Headrace, options: tuple[str, ...], work: Json
) -> None:
    assert created(fake, headrace, "create", "x", "--every", "1d", *options)["work"] == work


def test_should_read_times_without_an_offset_in_the_zone_and_pass_policies_on(
    fake: FakeHeadrace, headrace: Headrace
) -> None:
    body = created(
        *(fake, headrace, *NIGHTLY, "--start", "2026-12-01T08:00", "--end", "2027-06-01T08:00Z"),
        *("--window", "15", "--overlap", "queue", "--catch-up", "all", "--max-catch-up", "3"),
        *("--budget", "2.50", "--retries", "2", "--pause-after", "5"),
    )
    del body["name"], body["expression"], body["time_zone"], body["work"]
    assert body == {
        "start": "2026-12-01T08:00:00+01:00",
        "end": "2027-06-01T08:00:00+00:00",
        "window_minutes": 15,
        "overlap": "queue",
        "catch_up": "all",
        "max_catch_up": 3,
        "budget": "2.50",
        "retries": 2,
        "pause_after": 5,
    }


def test_should_let_options_go_before_a_file(
    fake: FakeHeadrace, headrace: Headrace, tmp_path: Path
) -> None:
    file = tmp_path / "spec.json"
    terms = {"name": "other", "expression": "rate(1 day)", "work": {"kind": "report"}, "retries": 0}
    file.write_text(json.dumps(terms))
    body = created(fake, headrace, "create", "weekly", "--file", str(file), "--every", "7d")
    assert body == {**terms, "name": "weekly", "expression": "rate(7 days)"}


def test_should_replace_only_what_an_option_says(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["nightly"] = schedule()
    assert headrace("schedules", "replace", "nightly", "--budget", "5", "--json").code == 0
    method, path, body = fake.requests[-1]
    assert (method, path) == ("PUT", "/v1/schedules/nightly")
    assert body == {**schedule()["terms"], "budget": "5"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--export",), "--cron, --every or --at"),
        (("--every", "1h"), "Say what"),
        (("--every", "1h", "--at", "2026-12-01T08:00", "--export"), "Give one of"),
        (("--every", "soon", "--export"), "15m, 1h, 2d"),
        (("--at", "2026-12-01T08:00Z", "--export"), "without an offset"),
        (("--at", "noon", "--export"), "2026-12-01T08:00"),
        (("--every", "1h", "--export", "--report", "day"), "one thing"),
        (("--every", "1h", "--export", "--search", "weir"), "--search does not go with --export"),
        (("--every", "1h", "--into", "a"), "--into goes with"),
        (("--every", "1h", "--export", "--into", "a"), "--into does not go with --export"),
        (("--every", "1h", "--prompt", "tag", "--limit", "5"), "goes with --search"),
        (("--every", "1h", "--prompt", "tag", "--var", "tone"), "NAME=VALUE"),
        (("--every", "1h", "--export", "--start", "soon"), "--start"),
        (
            ("--every", "1h", "--zone", "Mars/Base", "--start", "2026-12-01T08:00", "--export"),
            "'Mars/Base' is no time zone",
        ),
    ],
)
def test_should_refuse_what_makes_no_sense(
    fake: FakeHeadrace, headrace: Headrace, options: tuple[str, ...], message: str
) -> None:
    ended = headrace("schedules", "create", "x", *options)
    assert (ended.code, fake.requests) == (2, [])
    assert message in ended.err


def test_should_show_times_in_the_schedules_zone_over_a_clock_change(
    fake: FakeHeadrace, headrace: Headrace
) -> None:
    fake.documents["nightly"] = schedule()
    lines = headrace("schedules", "show", "nightly").out.splitlines()
    assert "  next      Sun 2026-03-29 03:00 CEST" in lines
    assert "            Mon 2026-03-30 02:00 CEST" in lines
    assert "  done to   Sat 2026-03-28 02:00 CET" in lines
    assert "$2.5 a run" in lines[3]
    assert lines[2] == (
        "  what      batch: new and changed documents of inbox, by sum-up (version latest);"
        " into summaries"
    )
    last = "partial, of Sun 2026-03-29 01:00 CET, 2 of 3, $0.0031: 1 of 3 documents failed."
    assert lines[-1] == f"  last run  {last}"


def test_should_show_a_schedule_whose_zone_is_unknown_here_in_utc(
    fake: FakeHeadrace, headrace: Headrace
) -> None:
    shown = schedule(status="paused", reason="3 runs failed.", last_run=None)
    shown["terms"]["time_zone"] = "Mars/Base"
    fake.documents["nightly"] = shown
    ended = headrace("schedules", "show", "nightly")
    assert "nightly: paused, 3 runs failed." in ended.out
    assert "Sun 2026-03-29 01:00 UTC" in ended.out


def test_should_list_schedules_and_the_runs_of_one(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["schedules"] = {"items": [schedule()], "next_cursor": None}
    assert "Sun 2026-03-29 03:00 CEST" in headrace("schedules", "ls").out
    assert headrace("schedules", "ls", "--json").json[0]["name"] == "nightly"
    missed = {"count": 4, "first": "2026-03-20T01:00:00Z", "last": "2026-03-23T01:00:00Z"}
    fake.documents["nightly"] = schedule()
    fake.documents["runs?limit=20"] = {
        "items": [
            run(),
            run(
                run_id="RUN0", status="missed", reason="", missed=missed, counts=None, receipt=None
            ),
        ],
        "next_cursor": None,
    }
    out = headrace("schedules", "history", "nightly").out
    assert "0.0031" in out
    assert RUN["reason"] in out
    assert "4 times until Mon 2026-03-23 02:00 CET" in out
    assert len(headrace("schedules", "history", "nightly", "--json").json) == 2


def test_should_show_one_run_with_its_notes_and_results(
    fake: FakeHeadrace, headrace: Headrace
) -> None:
    fake.documents["RUN1"] = run()
    out = headrace("schedules", "history", "nightly", "RUN1").out
    assert fake.requests[-1][:2] == ("GET", "/v1/schedules/nightly/runs/RUN1")
    assert "one note" in out
    assert "s3://lake/out/" in out


@pytest.mark.parametrize("move", ["pause", "resume"])
def test_should_pause_and_resume(fake: FakeHeadrace, headrace: Headrace, move: str) -> None:
    fake.answer = schedule(status="paused" if move == "pause" else "active")
    assert headrace("schedules", move, "nightly").out.startswith("nightly: ")
    assert fake.requests[-1][:2] == ("POST", f"/v1/schedules/nightly/{move}")


class Stages(dict[str, Json]):
    """Documents of which each look finds the next."""

    def get(self, key: str, default: Any = None) -> Any:
        return self.pop(next(iter(self)), default)


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("partial", 1), ("failed", 1)])
def test_should_run_now_and_wait_for_the_end(
    fake: FakeHeadrace, headrace: Headrace, monkeypatch: pytest.MonkeyPatch, status: str, code: int
) -> None:
    monkeypatch.setattr(commands, "POLL_SECONDS", 0.0)
    job = {
        "kind": "scheduled_run",
        "status": "running",
        "phase": "wait",
        "counts": {"total": 3, "done": 1, "failed": 0},
    }
    fake.answer = run(status="waiting", job_id="")
    fake.documents = Stages(begun=run(status="running"), job=job, ended=run(status=status))
    ended = headrace("schedules", "run", "nightly", "--wait")
    assert ended.code == code
    assert [path for _, path, _ in fake.requests] == [
        "/v1/schedules/nightly/run",
        "/v1/schedules/nightly/runs/RUN1",
        "/v1/jobs/RUN1",
        "/v1/schedules/nightly/runs/RUN1",
    ]
    assert f"RUN1: {status}" in ended.out
    assert "s3://lake/out/" in ended.out
    assert ended.err.splitlines() == ["waiting", "running (wait): 1 of 3 documents"]


def test_should_not_wait_for_a_run_unless_told(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.answer = run(status="waiting", counts=None, receipt=None, reason="")
    ended = headrace("schedules", "run", "nightly", "--json")
    assert (ended.code, ended.json["status"]) == (0, "waiting")
    assert fake.requests[-1][:2] == ("POST", "/v1/schedules/nightly/run")


def test_the_demo_should_show_when_its_run_fires_and_remove_what_it_made(
    fake: FakeHeadrace, capsys: pytest.CaptureFixture[str]
) -> None:
    fake.answer = schedule(name="demo-nightly", last_run=None)
    fake.documents = {name: {"document_id": name} for name in ("demo-nightly", "demo-sum-up")}
    with contextlib.closing(Api(fake.url, KEY)) as api:
        demo.plan_nightly_run(api, Output())
    assert "  next      Sun 2026-03-29 03:00 CEST" in capsys.readouterr().out
    CreateScheduleRequest.model_validate(fake.requests[1][2])
    assert [request[:2] for request in fake.requests] == [
        ("POST", "/v1/prompts"),
        ("POST", "/v1/schedules"),
        ("DELETE", "/v1/schedules/demo-nightly"),
        ("DELETE", "/v1/prompts/demo-sum-up"),
    ]
    SavePromptRequest.model_validate(fake.requests[0][2])


def test_should_remove_once_it_was_confirmed(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["nightly"] = schedule() | {"document_id": "x"}
    assert headrace("schedules", "rm", "nightly", "--yes").code == 0
    assert fake.requests[-1][:2] == ("DELETE", "/v1/schedules/nightly")
