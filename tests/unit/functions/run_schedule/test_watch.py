"""Runs that watch a monitor: baselines, drift, news told once, and files in two formats."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from PIL import Image

from chalicelib.contracts.drift import DriftDetected
from chalicelib.contracts.evaluations.jobs import (
    EvaluationCheckpoint,
    EvaluationInput,
    TargetScore,
)
from chalicelib.contracts.evaluations.results import ScoreInterval
from chalicelib.contracts.jobs import JobCounts
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.jobs.lifecycle import JobState
from chalicelib.monitoring.data_capture import read_capture_file
from functions.run_schedule import watch
from tests.unit.functions.run_schedule.buckets import Buckets, Cut, Runs, place_of
from tests.unit.jobs.examples import BUCKET, NOW
from tests.unit.monitoring.fakes import SUBJECT, captured, steady_calls
from tests.unit.monitoring.test_evaluated_calls import SUITE, result

WATCH = {"kind": "watch", "monitor": "m0"}
START = NOW - timedelta(hours=2)
ANSWERED = result(created_at=START - timedelta(hours=1)).model_dump_json()


@pytest.fixture
def runs() -> Runs:
    """A monitor of which a baseline of 200 calls is made at once, and windows are of 100."""
    made = Runs(Buckets())
    made.watching.captures.watch(
        "prompt", "greeting", baseline_calls=200, baseline_hours=0, window_calls=100
    )
    made.watching.archive.stored += steady_calls(START, 200, seed=1)
    return made


def report_of(runs: Runs, state: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(runs.buckets.bodies[BUCKET, state.prefix + "drift.json"])
    return found


def shift(runs: Runs, seed: int = 2, **fields: object) -> None:
    """Add 100 calls, half an hour after those before."""
    seconds = max(call.created_at for call in runs.watching.archive.stored)
    later = seconds + timedelta(minutes=5)
    runs.watching.archive.stored += steady_calls(later, 100, seed, **fields)  # type: ignore[arg-type]


def wait_an_hour(runs: Runs) -> None:
    """Let the last look have been an hour ago: the clock of runs stands still."""
    kept = runs.watching.captures.reports
    kept["m0"] = kept["m0"].model_copy(update={"time": NOW - timedelta(hours=1)})


def test_a_version_should_get_a_baseline_then_be_steady_then_drift_once(runs: Runs) -> None:
    first = runs.run(WATCH)
    assert place_of(first).notes == ("too few calls follow the baseline of version 1",)
    shift(runs)
    steady = runs.run(WATCH)
    assert (steady.job.status, place_of(steady).notes) == (
        "succeeded",
        ("nothing has drifted in 100 calls",),
    )
    wait_an_hour(runs)
    shift(runs, seed=3, latency_ms=9_000, topic="wordnet")
    drifted = runs.run(WATCH)
    assert drifted.job.status == "partial"
    report = report_of(runs, drifted)
    assert {"latency", "input distance"} <= set(report["drifted"])
    assert "output length" not in report["drifted"]
    assert report["news"] == report["drifted"]
    (event,) = runs.watching.events
    assert isinstance(event, DriftDetected)
    assert (event.monitor, event.version, event.news) == ("m0", "1", tuple(report["news"]))
    assert runs.watching.counted == [len(event.news)]
    assert float(report["receipt"]["dollars"]) == pytest.approx(4e-6)
    wait_an_hour(runs)
    shift(runs, seed=4, latency_ms=9_000, topic="wordnet")
    again = report_of(runs, runs.run(WATCH))
    assert again["status"] == "drifted"
    assert again["news"] == []
    assert len(runs.watching.events) == 1


def test_a_look_without_new_calls_should_tell_the_same_and_spend_nothing(runs: Runs) -> None:
    shift(runs)
    runs.run(WATCH)
    before = runs.watching.captures.report("acme", "m0")
    embedded = len(runs.watching.embedder.texts)
    report = report_of(runs, runs.run(WATCH))
    assert before is not None
    assert datetime.fromisoformat(report["time"]) == before.time
    assert len(runs.watching.embedder.texts) == embedded


def test_a_new_version_should_get_a_baseline_of_its_own(runs: Runs) -> None:
    runs.run(WATCH)
    for seed in range(3):
        shift(runs, seed=10 + seed, version="2", latency_ms=9_000)
    report = report_of(runs, runs.run(WATCH))
    assert (report["version"], report["status"], report["window_calls"]) == ("2", "steady", 100)
    assert {version for _, version in runs.watching.captures.baselines} == {"1", "2"}


def test_a_baseline_should_wait_until_it_has_seen_a_day(runs: Runs) -> None:
    monitor = runs.watching.captures.kept["m0"]
    runs.watching.captures.kept["m0"] = monitor.model_copy(update={"baseline_hours": 24})
    assert report_of(runs, runs.run(WATCH))["status"] == "collecting"
    runs.watching.archive.stored = [
        captured(NOW - timedelta(minutes=5 * n), f"tide {n}") for n in range(1, 12 * 24)
    ]
    report = report_of(runs, runs.run(WATCH))
    assert (report["status"], report["baseline_calls"]) == ("too_few", 200)


def test_calls_that_only_a_rollout_wanted_should_not_be_looked_at(runs: Runs) -> None:
    runs.run(WATCH)
    shift(runs, latency_ms=9_000, sampled=False)
    assert report_of(runs, runs.run(WATCH))["status"] == "too_few"


def test_nothing_captured_and_a_monitor_that_is_gone_should_be_told(runs: Runs) -> None:
    runs.watching.archive.stored = []
    assert place_of(runs.run(WATCH)).notes == ("nothing is captured",)
    with pytest.raises(NotFound, match="no monitor gone"):
        runs.run(WATCH | {"monitor": "gone"})


def test_a_run_that_is_cut_off_should_tell_the_same_news(runs: Runs) -> None:
    runs.run(WATCH)
    shift(runs, latency_ms=9_000)
    runs.buckets.cut_at = runs.buckets.writes + 2
    request = runs.begin(WATCH)
    with pytest.raises(Cut):
        runs.step(request)
    runs.buckets.cut_at = -1
    assert report_of(runs, runs.finish(request))["news"] == ["latency"]
    assert len(runs.watching.events) == 1


def test_the_report_should_be_a_page_with_plots_and_lie_where_results_go(runs: Runs) -> None:
    runs.run(WATCH)
    shift(runs, latency_ms=9_000)
    results = [{"type": "s3", "uri": f"s3://{BUCKET}/results/acme/drift"}]
    state = runs.run(WATCH | {"results": results, "data_capture": True})
    files = runs.buckets.under(BUCKET, "results/acme/drift/nightly/")
    named = {name.partition("/")[2]: body for name, body in files.items()}
    image = Image.open(io.BytesIO(named["drift.png"]))
    assert image.size[0] > 1_000
    page = named["drift.html"].decode()
    assert "These have drifted: latency" in page
    assert "<tr class=drifted><td>latency" in page
    lines = [body for name, body in named.items() if name.startswith("data-capture/")]
    read = [call for body in lines for call in read_capture_file(body, "k", SUBJECT)]
    assert len(read) == 100
    assert {call.latency_ms for call in read} == {9_000}
    assert {file.name for file in state.files} == {
        *("drift.json", "drift.html", "drift.png", "statistics.json", "constraints.json")
    }


def test_news_and_quality_should_stay_known_of_a_version_while_versions_take_turns(
    runs: Runs,
) -> None:
    """As they do while a rollout goes on."""
    runs.run(WATCH)
    runs.watching.archive.stored += steady_calls(NOW - timedelta(hours=1), 200, 3, version="2")
    runs.run(WATCH)
    told = []
    for turn, version in enumerate("121212"):
        wait_an_hour(runs)
        shift(runs, seed=4 + turn, version=version, latency_ms=9_000)
        told.append(report_of(runs, runs.run(WATCH)))
    assert [each["version"] for each in told] == [*"121212"]
    assert [bool(each["news"]) for each in told] == [True, True, *[False] * 4]
    assert all("latency" in each["drifted"] for each in told)


def test_a_baseline_should_be_made_of_the_statistics_of_model_monitor(runs: Runs) -> None:
    """Ours, which another stage has written, and what its constraints disable."""
    runs.run(WATCH)
    shift(runs)
    results = [{"type": "s3", "uri": f"s3://{BUCKET}/results/acme/drift"}]
    runs.run(WATCH | {"results": results})
    files = runs.buckets.under(BUCKET, "results/acme/drift/nightly/")
    for name, body in files.items():
        if name.endswith(("statistics.json", "constraints.json")):
            runs.buckets.put(BUCKET, f"sources/acme/{name.rpartition('/')[2]}", body)
    folder = f"s3://{BUCKET}/sources/acme"
    given = {"version": "1", "statistics": f"{folder}/statistics.json"}
    shift(runs, seed=5, latency_ms=9_000)
    report = report_of(runs, runs.run(WATCH | {"baseline": given}))
    assert report["baseline_calls"] == 200
    assert report["drifted"] == ["latency"]
    assert "input distance" not in {each["name"] for each in report["features"]}

    limited = json.loads(runs.buckets.bodies[BUCKET, "sources/acme/constraints.json"])
    for feature in limited["features"]:
        if feature["name"] == "latency":
            disabled = {"distribution_constraints": {"perform_comparison": "Disabled"}}
            feature["monitoringConfigOverrides"] = disabled
    runs.buckets.put(BUCKET, "sources/acme/constraints.json", json.dumps(limited).encode())
    runs.watching.captures.baselines.clear()
    given |= {"constraints": f"{folder}/constraints.json"}
    shift(runs, seed=6, latency_ms=9_000)
    assert report_of(runs, runs.run(WATCH | {"baseline": given}))["drifted"] == []


def test_a_baseline_should_be_made_of_an_evaluation_of_the_version(runs: Runs) -> None:
    evaluation = "01J9ZQ3V5B8X6N2M4K7T0RWFHZ"
    work = WATCH | {"baseline": {"version": "1", "evaluation": evaluation, "target": "ask"}}
    with pytest.raises(NotFound, match="has no results") as raised:
        runs.run(work)
    assert raised.value.field == "work.baseline.evaluation"
    runs.buckets.put(BUCKET, f"jobs/acme/{evaluation}/results.json", ANSWERED.encode())
    suite = EvaluationInput(suite=SUITE).model_dump_json(by_alias=True)
    runs.buckets.put(BUCKET, f"jobs/acme/{evaluation}/suite.json", suite.encode())
    report = report_of(runs, runs.run(work))
    assert (report["baseline_calls"], report["status"]) == (40, "drifted")
    assert {each["name"] for each in report["features"]} == {
        *("input length", "output length", "latency", "cost", "language", "failed")
    }
    shift(runs)
    assert report_of(runs, runs.run(WATCH))["baseline_calls"] == 40, "it stays"


def test_a_statistics_file_should_be_refused_with_what_is_wrong(runs: Runs) -> None:
    given = {"version": "1", "statistics": f"s3://{BUCKET}/sources/acme/statistics.json"}
    work = WATCH | {"baseline": given}
    for body, message in (
        (b"[]", "is not of Model Monitor's format"),
        (b'{"features": []}', "has no distribution of a feature of calls; those are input_length"),
    ):
        runs.buckets.put(BUCKET, "sources/acme/statistics.json", body)
        with pytest.raises(InvalidInput, match=message):
            runs.run(work)


def capture_line(n: int, text: str) -> str:
    at = (START + timedelta(seconds=n)).astimezone(UTC).isoformat().replace("+00:00", "Z")
    sides = {
        "endpointInput": {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": text,
            "encoding": "CSV",
        },
        "endpointOutput": {
            "observedContentType": "text/csv; charset=utf-8",
            "mode": "OUTPUT",
            "data": "MC4wMQ==",
            "encoding": "BASE64",
        },
    }
    event = {"eventId": f"e-{n}", "inferenceTime": at, "inferenceId": "ignored"}
    return json.dumps({"captureData": sides, "eventMetadata": event, "eventVersion": "0"})


def test_files_of_sagemakers_data_capture_should_be_watched_in_place_of_calls(runs: Runs) -> None:
    texts = [f"{n % 7},1,2" for n in range(200)] + [f"{n % 7},1,2,3,4,5,6,7" for n in range(100)]
    lines = [capture_line(n, text) for n, text in enumerate(texts)]
    folder = "sources/acme/capture/my-endpoint/AllTraffic/2026/05/04"
    runs.buckets.put(BUCKET, f"{folder}/01/a.jsonl", "\n".join(lines[:200]).encode())
    runs.buckets.put(BUCKET, f"{folder}/02/b.jsonl", "\n".join(lines[200:]).encode())
    source = {"type": "prefix", "uri": f"s3://{BUCKET}/sources/acme/capture/"}
    report = report_of(runs, runs.run(WATCH | {"source": source}))
    assert report["version"] == "AllTraffic"
    assert "input length" in report["drifted"]


def test_the_newest_files_should_be_read_whatever_their_variants_are_called(
    runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "MAX_FILES", 3)
    monkeypatch.setattr(watch, "MAX_CAPTURE_BYTES", 150_000)
    folder = "sources/acme/capture/my-endpoint"
    lines = [capture_line(n, f"{n % 7},1,2") for n in range(400)]
    for n, place in enumerate(["b/2026/05/04/01", "a/2026/05/04/02", "a/2026/05/04/03"]):
        body = "\n".join(lines[100 * n : 100 * n + 100]).encode()
        runs.buckets.put(BUCKET, f"{folder}/{place}/x.jsonl", body)
    older = ("\n".join(lines[300:]) * 2).encode()  # is no line of the format
    runs.buckets.put(BUCKET, f"{folder}/z/2026/05/03/01/x.jsonl", older)
    source = {"type": "prefix", "uri": f"s3://{BUCKET}/sources/acme/capture/"}
    report = report_of(runs, runs.run(WATCH | {"source": source}))
    assert (report["version"], report["status"]) == ("a", "too_few")
    monkeypatch.setattr(watch, "MAX_CAPTURE_BYTES", 50_000)
    runs.watching.captures.baselines.clear()
    assert report_of(runs, runs.run(WATCH | {"source": source}))["status"] == "collecting"


def test_a_line_that_is_not_of_the_format_should_be_named() -> None:
    with pytest.raises(InvalidInput, match=r"Line 2 of x\.jsonl"):
        list(read_capture_file(b"\n{}\n", "x.jsonl", SUBJECT))


JUDGE = {"graders": [{"type": "contains", "any": ["b"]}], "calls": 10, "budget": "0.10"}


def graded(state: JobState, pass_rate: float, done: int = 10) -> JobState:
    """Return an evaluation that has ended with a pass rate."""
    score = ScoreInterval(mean=pass_rate, low=0, high=1, n=done)
    place = EvaluationCheckpoint(
        targets=(TargetScore(target="captured", score=score, pass_rate=pass_rate),)
    )
    counts = JobCounts(total=10, done=done)
    job = state.job.model_copy(update={"status": "succeeded", "counts": counts})
    return replace(state, job=job, checkpoint=place.model_dump_json())


def test_a_sample_of_answers_should_be_graded_by_an_evaluation_of_its_own(runs: Runs) -> None:
    runs.run(WATCH)
    shift(runs)
    runs.child_ends = lambda state: graded(state, 0.9)  # type: ignore[method-assign]
    state = runs.run(WATCH | {"judge": JUDGE})
    assert report_of(runs, state)["quality"] == {
        "calls": 10,
        "passed": 9,
        "baseline_calls": 10,
        "baseline_passed": 9,
        "p_value": 1.0,
        "drifted": False,
    }
    assert place_of(state).notes[-1] == "9 of 10 graded answers passed"
    (child,) = [each for each in runs.jobs.kept.values() if each.job.kind == "evaluation"]
    assert child.input.evaluation is not None
    assert str(child.input.evaluation.budget) == "0.10"
    suite = json.loads(runs.buckets.bodies[BUCKET, child.prefix + "suite.json"])["suite"]
    assert [target["kind"] for target in suite["targets"]] == ["recorded"]
    assert len(suite["cases"]) == 10


def test_an_evaluation_that_failed_should_leave_the_look_as_it_is(runs: Runs) -> None:
    runs.run(WATCH)
    shift(runs)
    runs.child_ends = lambda state: replace(  # type: ignore[method-assign]
        state, job=state.job.model_copy(update={"status": "failed"})
    )
    state = runs.run(WATCH | {"judge": JUDGE})
    assert (state.job.status, report_of(runs, state)["quality"]) == ("succeeded", None)


def test_a_look_that_graded_nothing_should_not_forget_how_good_a_new_version_was(
    runs: Runs,
) -> None:
    runs.run(WATCH)
    pass_rates = iter((0.9, 0.3))
    runs.child_ends = lambda state: graded(state, next(pass_rates))  # type: ignore[method-assign]
    judged: dict[str, Any] = {**WATCH, "judge": JUDGE}
    qualities = []
    for seed, work in enumerate((judged, WATCH, judged)):
        shift(runs, seed=20 + seed)
        wait_an_hour(runs)
        qualities.append(report_of(runs, runs.run(work))["quality"])
    assert qualities[1] is None
    assert (qualities[2]["passed"], qualities[2]["baseline_passed"]) == (3, 9)
