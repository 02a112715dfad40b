"""The commands `usage` and `budgets`: costs of models, and their limits."""

from __future__ import annotations

import click

from cli.options import UserContext, user_command
from cli.output import Json, Output

BY = ("day", "model", "key", "collection")
_COUNTS = ("requests", "tokens_in", "tokens_out", "images", "dollars")


@click.command()
@click.option("--from", "first", metavar="DAY", help="The first day, such as 2026-11-01.")
@click.option("--to", "last", metavar="DAY", help="The last day; default today.")
@click.option(
    "--by", type=click.Choice(BY), default="day", show_default=True, help="Dimension of the rows."
)
@user_command
def usage(target: UserContext, first: str | None, last: str | None, by: str) -> None:
    """Show the use and cost of models since the first of the month.

    Days are in UTC, dollars are AWS's list prices.
    """
    params = {"by": by}
    params |= {name: day for name, day in (("from", first), ("to", last)) if day is not None}
    report = target.api.call("GET", "/v1/usage", params=params)
    if target.output.as_json:
        target.output.json(report)
        return
    rows = [[_named(row["name"]), *_counts(row)] for row in report["items"]]
    rows.append(["total", *_counts(report["total"])])
    target.output.table((by, *(name.replace("_", " ") for name in _COUNTS)), rows)
    target.output.line(f"{report['first_day']} to {report['last_day']}.", "dim")


@click.command()
@user_command
def budgets(target: UserContext) -> None:
    """Show every limit on money, requests and tokens, and what is left of it."""
    report = target.api.call("GET", "/v1/budgets")
    if target.output.as_json:
        target.output.json(report)
        return
    if not (report["dollars"] or report["a_minute"]):
        target.output.line("Nothing is limited.")
        return
    _show_dollars(target.output, report["dollars"])
    _show_rates(target.output, report["a_minute"])


def _show_dollars(output: Output, items: list[Json]) -> None:
    shown = ("limit", "spent", "reserved", "left", "resets_at")
    if items:
        output.table(
            ("of", "dollars a", "limit", "spent", "reserved", "left", "resets"),
            [(_whose(each), each["period"], *(each[name] for name in shown)) for each in items],
        )


def _show_rates(output: Output, items: list[Json]) -> None:
    shown = ("limit", "used", "left", "resets_at")
    if items:
        output.table(
            ("of", "a minute", "limit", "used", "left", "resets"),
            [(_whose(each), each["measure"], *(each[name] for name in shown)) for each in items],
        )


def _whose(limit: Json) -> str:
    return f"{limit['scope']} {limit['name']}".rstrip()


def _named(name: str) -> str:
    return name or "(none)"


def _counts(row: Json) -> list[object]:
    return [row[name] for name in _COUNTS]
