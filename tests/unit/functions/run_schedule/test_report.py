"""Reports of usage: the right days, sums that add up, and every place that they go to."""

from __future__ import annotations

import csv
import io
import json
from datetime import date

import pytest

from chalicelib.budgets.changes import COLLECTION_DAY, day_item
from chalicelib.budgets.ledger import IMAGES, REQUESTS, SPENT, TOKENS_IN, TOKENS_OUT, counter_name
from chalicelib.budgets.limits import TENANT_SCOPE, LimitScope
from chalicelib.errors import InvalidInput
from functions.run_schedule.usage_files import last_period
from tests.unit.functions.run_schedule.buckets import Buckets, Runs, place_of
from tests.unit.jobs.examples import BUCKET

REPORT = {"kind": "report"}


@pytest.fixture
def runs() -> Runs:
    """Runs at 3 o'clock from May 4, 2026 on; each day of 2026 had a call for its day in cents."""
    made = Runs(Buckets())
    for ordinal in range(date(2026, 1, 1).toordinal(), date(2026, 6, 1).toordinal()):
        day = date.fromordinal(ordinal)
        counts = {SPENT: day.day * 10**7, REQUESTS: 1, TOKENS_IN: 100, TOKENS_OUT: 10, IMAGES: 0}
        scopes = (TENANT_SCOPE, LimitScope("model", "nova"), LimitScope("key", "3f9a"))
        item = {counter_name(what, scope): n for what, n in counts.items() for scope in scopes}
        made.ledger.kept["acme", day_item(day)] = dict(item)
        made.ledger.kept["acme", f"{COLLECTION_DAY}{day}#news"] = dict(item)
    return made


@pytest.mark.parametrize(
    ("period", "today", "first", "last"),
    [
        ("day", date(2026, 3, 1), date(2026, 2, 28), date(2026, 2, 28)),
        ("day", date(2028, 3, 1), date(2028, 2, 29), date(2028, 2, 29)),
        ("week", date(2026, 5, 4), date(2026, 4, 27), date(2026, 5, 3)),
        ("week", date(2026, 5, 10), date(2026, 4, 27), date(2026, 5, 3)),
        ("week", date(2027, 1, 2), date(2026, 12, 21), date(2026, 12, 27)),
        ("month", date(2026, 1, 31), date(2025, 12, 1), date(2025, 12, 31)),
        ("month", date(2028, 3, 31), date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_a_report_should_be_of_the_last_whole_period(
    period: str, today: date, first: date, last: date
) -> None:
    assert last_period(period, today) == (first, last)  # type: ignore[arg-type]  # one of three


def test_the_files_should_say_the_same_sums(runs: Runs) -> None:
    state = runs.run({**REPORT, "period": "week"})
    assert (state.job.status, state.job.counts.done) == ("succeeded", 1)
    files = runs.buckets.under(BUCKET, state.prefix)
    assert {file.name: file.bytes for file in state.files} == {
        name: len(body) for name, body in files.items()
    }
    report = json.loads(files["report.json"])
    assert (report["first_day"], report["last_day"]) == ("2026-04-27", "2026-05-03")
    assert report["total"]["dollars"] == "1.200000000"
    assert report["before"]["total"]["dollars"] == "1.610000000"
    assert len(report["by_day"]) == 7
    for by in ("by_model", "by_key", "by_collection"):
        assert [row["requests"] for row in report[by]] == [7]
    rows = list(csv.DictReader(io.StringIO(files["report.csv"].decode())))
    assert [row["dollars"] for row in rows if row["by"] == "total"] == ["1.200000000"]
    assert sum(float(row["dollars"]) for row in rows if row["by"] == "day") == pytest.approx(1.2)
    text = files["report.md"].decode()
    assert text.startswith("# Usage and cost of acme, 2026-W18\n\nFrom 2026-04-27 to 2026-05-03,")
    assert "models were asked 7 times, for $1.200000000: 700 tokens in, 70 out" in text
    assert "| nova | 7 | 700 | 70 | 0 | 1.200000000 |" in text


def test_a_report_should_go_to_each_place_and_be_a_document_of_its_period(runs: Runs) -> None:
    results = [
        {"type": "s3", "uri": f"s3://{BUCKET}/results/acme/costs"},
        {"type": "s3", "uri": "s3://files/acme/"},
        {"type": "collection", "collection": "costs"},
        {"type": "webhook", "webhook_id": "w"},
    ]
    runs.grants.uris.append("s3://files/acme/")
    state = runs.run({**REPORT, "results": results})
    folder = f"nightly/20260504T030000Z-{state.job.job_id}/"
    assert place_of(state).results == (
        f"s3://{BUCKET}/results/acme/costs/{folder}",
        f"s3://files/acme/{folder}",
        "costs/reports/nightly/2026-05-03.md",
    )
    names = ["report.csv", "report.json", "report.md"]
    assert list(runs.buckets.under(BUCKET, f"results/acme/costs/{folder}")) == names
    assert list(runs.buckets.under("files", f"acme/{folder}")) == names
    document = runs.buckets.bodies[BUCKET, "inbox/acme/costs/reports/nightly/2026-05-03.md"]
    assert b"On 2026-05-03, models were asked 1 times, for $0.030000000" in document


def test_a_period_without_usage_should_be_said_to_have_none(runs: Runs) -> None:
    runs.ledger.kept.clear()
    state = runs.run({**REPORT, "period": "month"})
    text = runs.buckets.bodies[BUCKET, state.prefix + "report.md"].decode()
    assert text.startswith("# Usage and cost of acme, 2026-04\n")
    assert "models were asked 0 times, for $0" in text


def test_a_destination_that_was_not_granted_should_fail_before_anything_is_written(
    runs: Runs,
) -> None:
    for uri in (f"s3://{BUCKET}/results/rival/", "s3://files/acme/"):
        with pytest.raises(InvalidInput, match="may write"):
            runs.run({**REPORT, "results": [{"type": "s3", "uri": uri}]})
    assert runs.buckets.bodies == {}


@pytest.mark.parametrize("after", [False, True])
def test_a_report_that_is_cut_off_at_any_write_should_be_whole_in_the_end(
    runs: Runs, after: bool
) -> None:
    work = {**REPORT, "results": [{"type": "collection", "collection": "costs"}]}
    for cut in range(1, 6):
        runs.buckets.cut_at, runs.buckets.cut_after = runs.buckets.writes + cut, after
        state = runs.run(work)
        assert state.job.status == "succeeded"
        assert len(runs.buckets.under(BUCKET, state.prefix)) == 3
    assert len(runs.buckets.under(BUCKET, "inbox/acme/costs/")) == 5
