"""A report of usage and cost as JSON, as CSV and as a text to read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from chalicelib.contracts.budgets import UsageBy, UsageCounts, UsageReport

Period = Literal["day", "week", "month"]
TABLES: tuple[UsageBy, ...] = ("day", "model", "key", "collection")
_HEADINGS: Mapping[UsageBy, str] = {
    "day": "By day",
    "model": "By model",
    "key": "By API key",
    "collection": "By collection",
}
_COLUMNS = ("requests", "tokens_in", "tokens_out", "images", "dollars")
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PeriodUsage:
    """The usage of a tenant in a period, by each of `TABLES`, and in the period before."""

    tenant: str
    schedule: str
    period: Period
    tables: Mapping[UsageBy, UsageReport]
    before: UsageReport

    @property
    def current(self) -> UsageReport:
        """Return the usage by days, whose total is that of every table."""
        return self.tables["day"]

    @property
    def name(self) -> str:
        """Return the period's name: `2026-11-27`, `2026-W47` or `2026-11`."""
        first = self.current.first_day
        if self.period == "week":
            return f"{first:%G-W%V}"
        return f"{first:%Y-%m}" if self.period == "month" else first.isoformat()


def last_period(period: Period, today: date) -> tuple[date, date]:
    """Return the first and the last day of the last whole period before `today`.

    Weeks are those of ISO 8601, from Monday to Sunday.
    """
    if period == "day":
        return today - _ONE, today - _ONE
    if period == "week":
        monday = today - today.weekday() * _ONE
        return monday - 7 * _ONE, monday - _ONE
    last = today.replace(day=1) - _ONE
    return last.replace(day=1), last


def usage_json(usage: PeriodUsage) -> bytes:
    """Return the report as JSON; dollars are decimal strings."""
    current, before = usage.current, usage.before
    report: dict[str, Any] = {
        "tenant": usage.tenant,
        "schedule": usage.schedule,
        "period": usage.period,
        "time_zone": "UTC",
        "first_day": current.first_day.isoformat(),
        "last_day": current.last_day.isoformat(),
        "total": current.total.model_dump(mode="json"),
        "before": {
            "first_day": before.first_day.isoformat(),
            "last_day": before.last_day.isoformat(),
            "total": before.total.model_dump(mode="json"),
        },
        **{
            f"by_{by}": [row.model_dump(mode="json") for row in usage.tables[by].items]
            for by in TABLES
        },
    }
    return json.dumps(report, indent=2).encode() + b"\n"


def usage_csv(usage: PeriodUsage) -> bytes:
    """Return the report as CSV, a line for each row of each table."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["first_day", "last_day", "by", "name", *_COLUMNS])
    days = [usage.current.first_day, usage.current.last_day]
    writer.writerow([*days, "total", "", *_values(usage.current.total)])
    for by in TABLES:
        for row in usage.tables[by].items:
            writer.writerow([*days, by, row.name, *_values(row)])
    return text.getvalue().encode()


def usage_text(usage: PeriodUsage) -> bytes:
    """Return the report as Markdown, which can be read, searched and asked about."""
    return ("\n".join(_lines(usage)) + "\n").encode()


def _lines(usage: PeriodUsage) -> Iterator[str]:
    now, before = usage.current, usage.before
    yield f"# Usage and cost of {usage.tenant}, {usage.name}"
    yield ""
    yield f"{_sentence('', now)} {_sentence('Before that, ', before)}"
    yield ""
    yield "Days are those of UTC. Dollars are list prices of what models were asked for."
    for by in TABLES:
        rows = usage.tables[by].items
        if rows:
            yield from ("", f"## {_HEADINGS[by]}", "")
            yield f"| {by} | requests | tokens in | tokens out | images | dollars |"
            yield "| --- | ---: | ---: | ---: | ---: | ---: |"
            for row in rows:
                yield f"| {row.name or 'none'} | {' | '.join(_values(row))} |"


def _sentence(begin: str, report: UsageReport) -> str:
    first, last = report.first_day, report.last_day
    when = f"on {first}" if first == last else f"from {first} to {last}"
    total = report.total
    opening = begin + when if begin else when.capitalize()
    return (
        f"{opening}, models were asked {total.requests:,} times, for ${total.dollars:f}:"
        f" {total.tokens_in:,} tokens in, {total.tokens_out:,} out, {total.images:,} images."
    )


def _values(counts: UsageCounts) -> list[str]:
    shown = counts.model_dump(mode="json")
    return [str(shown[column]) for column in _COLUMNS]
