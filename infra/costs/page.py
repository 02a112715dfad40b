"""Tables of `docs/costs.md`, and the idle cost in README.md: `python -m infra.costs`.

They are made from the template, the catalogue's prices and the newest counts that `python -m
benchmarks costs` wrote. A test fails when a page differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from chalicelib.generation.catalogue import Catalogue
from infra.costs.idle import CostLine, cost_lines, idle_charges
from infra.costs.usage import GIGABYTE, CountedUsage, FunctionUse, UsageBill, price_usage

PROJECT = Path(__file__).resolve().parents[2]
PAGE = PROJECT / "docs" / "costs.md"
README = PROJECT / "README.md"
RESULTS = PROJECT / "benchmarks" / "results"
BEGIN, END = "<!-- costs: begin -->", "<!-- costs: end -->"
_IDLE_COST = re.compile(r"\$[\d.]+ a month at list prices, \$[\d.]+ beyond what is")

OPTIONS: Mapping[str, Mapping[str, str]] = {
    "`Alarms=on`": {"Alarms": "on"},
    "`Dashboard=on`": {"Dashboard": "on"},
    "`CustomerKey=on`": {"CustomerKey": "on"},
    "`Endpoints=on`": {"Endpoints": "on"},
}
"""Options that cost while they are on."""

SNAPPED = "APIHandler,Authorizer,EmbedText"
"""The functions between a request and its answer."""

Template = Mapping[str, Any]


def counts(folder: Path = RESULTS) -> Mapping[str, Any]:
    """Return the newest counts.

    Raises:
        FileNotFoundError: nothing was ever counted.
    """
    files = sorted(folder.glob("????-??-??-costs.json"))
    if not files:
        raise FileNotFoundError("Nothing was counted yet: python -m benchmarks costs")
    newest: Mapping[str, Any] = json.loads(files[-1].read_text())
    return newest


def tables(
    template: Template, snapped: Template, counted: Mapping[str, Any], catalogue: Catalogue
) -> str:
    """Return all tables. `snapped` is the template with SnapStart on."""
    parts = [
        *_idle(template, catalogue),
        "",
        *_options(template, snapped, catalogue),
        "",
        *_things(counted, catalogue),
        "",
        *_kept(counted["facts"]["stored"], catalogue),
    ]
    return "\n".join(parts)


def _idle(template: Template, catalogue: Catalogue) -> Iterator[str]:
    yield "| idle, a month | quantity | at list price | beyond what is always free |"
    yield "| --- | --- | --- | --- |"
    lines = cost_lines(idle_charges(template, {"Stage": "prod"}), catalogue)
    for line in lines:
        amounts = f"{as_dollars(line.listed)} | {as_dollars(line.charged)}"
        yield f"| `{line.unit}` | {_quantity(line.quantity)} | {amounts} |"
    listed, charged = (as_dollars(_sum(lines, what)) for what in ("listed", "charged"))
    yield f"| **all** | | **{listed}** | **{charged}** |"


def put_idle_cost_in(readme: str, template: Template, catalogue: Catalogue) -> str:
    """Return `readme` with the idle cost of a stage in its sentence about it.

    Raises:
        ValueError: the text has no such sentence.
    """
    lines = cost_lines(idle_charges(template, {"Stage": "prod"}), catalogue)
    listed, charged = (as_dollars(_sum(lines, what)) for what in ("listed", "charged"))
    sentence = f"{listed} a month at list prices, {charged} beyond what is"
    found, count = _IDLE_COST.subn(lambda _: sentence, readme)
    if count != 1:
        raise ValueError(f"The text says {count} times what an idle stage costs, not once.")
    return found


def _options(template: Template, snapped: Template, catalogue: Catalogue) -> Iterator[str]:
    yield "| switched on | adds a month, at list price | beyond what is always free |"
    yield "| --- | --- | --- |"
    plain = cost_lines(idle_charges(template, {"Stage": "prod"}), catalogue)
    variants = [(name, template, values) for name, values in OPTIONS.items()]
    for name, which, values in [*variants, (f"`--snap-start {SNAPPED}`", snapped, {})]:
        lines = cost_lines(idle_charges(which, {"Stage": "prod", **values}), catalogue)
        listed, charged = (_sum(lines, what) - _sum(plain, what) for what in ("listed", "charged"))
        yield f"| {name} | {as_dollars(listed)} | {as_dollars(charged)} |"


def _things(counted: Mapping[str, Any], catalogue: Catalogue) -> Iterator[str]:
    bills = {
        name: price_usage(read(each), catalogue) for name, each in counted["facts"]["used"].items()
    }
    services = _services(bills.values())
    yield f"| a thousand times | dollars | {' | '.join(services)} |"
    yield "| --- " * (len(services) + 2) + "|"
    for name, bill in bills.items():
        cells = [
            as_dollars(bill.by_service.get(service, Decimal(0)) * 1000) for service in services
        ]
        yield f"| {name} | **{as_dollars(bill.total * 1000)}** | {' | '.join(cells)} |"


def _services(bills: Iterable[UsageBill]) -> list[str]:
    totals: dict[str, Decimal] = {}
    for bill in bills:
        for service, amount in bill.by_service.items():
            totals[service] = totals.get(service, Decimal(0)) + amount
    return sorted(totals, key=lambda service: -totals[service])


def read(written: Mapping[str, Any]) -> CountedUsage:
    """Read the benchmark result of one workload."""
    functions = {name: FunctionUse(**each) for name, each in written["functions"].items()}
    return CountedUsage(**{**written, "functions": functions})


KEPT: Sequence[tuple[str, str, Sequence[str]]] = (
    ("vectors, in S3 Vectors", "vector bytes a chunk", ["s3vectors.storage.gb_month"]),
    ("files and texts, in S3", "object bytes a chunk", ["s3.storage.gb_month"]),
    (
        "records, in DynamoDB, with point-in-time recovery",
        "record bytes a chunk",
        ["dynamodb.storage.gb_month", "dynamodb.backup.gb_month"],
    ),
)


def _kept(stored: Mapping[str, float], catalogue: Catalogue) -> Iterator[str]:
    yield "| a million passages kept, a month | bytes a passage | dollars |"
    yield "| --- | --- | --- |"
    total = Decimal(0)
    for name, what, units in KEPT:
        price = sum((catalogue.price(unit).dollars for unit in units), Decimal(0))
        dollars = Decimal(str(stored[what])) * 1_000_000 / GIGABYTE * price
        total += dollars
        yield f"| {name} | {stored[what]:,.0f} | {as_dollars(dollars)} |"
    yield f"| **all** | | **{as_dollars(total)}** |"


def _sum(found: Sequence[CostLine], what: str) -> Decimal:
    return sum((getattr(line, what) for line in found), Decimal(0))


def _quantity(amount: Decimal) -> str:
    return f"{amount:,.0f}" if amount >= 1 else f"{amount:.4f}"


def as_dollars(amount: Decimal) -> str:
    """Return dollars to two significant digits after the point, at least cents."""
    if amount == 0:
        return "$0"
    places = max(2, 1 - amount.adjusted())
    return f"${amount:.{places}f}"


def put_in(page: str, made: str) -> str:
    """Return `page` with `made` between its marks.

    Raises:
        ValueError: the page has no marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page lacks {BEGIN} or {END}.")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"
