"""Reports of usage and budgets, from the items of days and minutes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from chalicelib.budgets.changes import MINUTE, day_item, sum_counters
from chalicelib.budgets.ledger import (
    COMMITTED,
    IMAGES,
    REQUESTS,
    SPENT,
    TOKENS,
    TOKENS_IN,
    TOKENS_OUT,
    LedgerItem,
    Measure,
    counter_value,
    expired_entries,
)
from chalicelib.budgets.limits import (
    TENANT_SCOPE,
    LimitScope,
    TenantLimits,
    after_day,
    after_minute,
    after_month,
    day_of,
    minute_of,
)
from chalicelib.contracts.budgets import (
    EACH,
    BudgetReport,
    DollarBudget,
    DollarPeriod,
    ExportedUsage,
    RateLimit,
    ScopeKind,
    UsageBy,
    UsageCounts,
    UsageReport,
    UsageRow,
)
from chalicelib.contracts.receipts import dollars

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import LedgerStore

_USED = (SPENT, REQUESTS, TOKENS_IN, TOKENS_OUT, IMAGES)
_KINDS: Mapping[UsageBy, ScopeKind] = {"key": "key", "model": "model"}

Counts = Mapping[Measure, int]


def usage_report(
    tenant: str, records: LedgerStore, first: date, last: date, by: UsageBy
) -> UsageReport:
    """Return what the tenant used from `first` to `last`, both included."""
    days = list(records.days(tenant, first, last))
    total = _counts((item for _, item in days), TENANT_SCOPE)
    if by == "day":
        rows = {day.isoformat(): _counts([item], TENANT_SCOPE) for day, item in days}
    elif by == "collection":
        rows = _by_collection(tenant, records, first, last, total)
    else:
        rows = _by_scope([item for _, item in days], _KINDS[by])
    return UsageReport(
        first_day=first,
        last_day=last,
        by=by,
        items=tuple(
            UsageRow(name=name, **_shown(row).model_dump())
            for name, row in sorted(rows.items())
            if any(row.values())
        ),
        total=_shown(total),
    )


def budget_report(
    tenant: str, records: LedgerStore, limits: TenantLimits, now: datetime
) -> BudgetReport:
    """Return every limit of the tenant, and what is left of it.

    Limits of each key, or of each model, are shown for those that were used in the month.
    """
    today = day_of(now)
    month = [item for _, item in records.days(tenant, today.replace(day=1), today)]
    day = records.item(tenant, day_item(today))
    minute = records.item(tenant, MINUTE + minute_of(now)) if limits.has_minute_limits else {}
    scopes = list(_limited(limits, month))
    return BudgetReport(
        dollars=tuple(
            budget for scope in scopes for budget in _in_dollars(scope, limits, day, month, now)
        ),
        a_minute=tuple(rate for scope in scopes for rate in _a_minute(scope, limits, minute, now)),
    )


def exported_usage(day: date, item: LedgerItem) -> Iterator[ExportedUsage]:
    """Yield the usage of a day for the tenant, each key and each model, as rows of an export."""
    for scope in sorted(sum_counters([item], REQUESTS)):
        counts = _shown(_counts([item], scope)).model_dump()
        yield ExportedUsage(day=day, scope=scope.kind, name=scope.name, **counts)


def _counts(items: Iterable[LedgerItem], scope: LimitScope) -> Counts:
    days = list(items)
    return {measure: sum(counter_value(item, measure, scope) for item in days) for measure in _USED}


def _by_scope(days: list[LedgerItem], kind: ScopeKind) -> dict[str, Counts]:
    scopes = {scope for scope in sum_counters(days, REQUESTS) if scope.kind == kind}
    return {scope.name: _counts(days, scope) for scope in scopes}


def _by_collection(
    tenant: str, records: LedgerStore, first: date, last: date, total: Counts
) -> dict[str, Counts]:
    """Return the usage of each collection; the rest of `total` belongs to none."""
    items: dict[str, list[LedgerItem]] = {}
    for _, collection, item in records.collections(tenant, first, last):
        items.setdefault(collection, []).append(item)
    rows = {name: _counts(days, TENANT_SCOPE) for name, days in items.items()}
    rest = {unit: total[unit] - sum(row[unit] for row in rows.values()) for unit in _USED}
    return {**rows, "": {measure: max(0, amount) for measure, amount in rest.items()}}


def _shown(counts: Counts) -> UsageCounts:
    return UsageCounts(
        requests=counts[REQUESTS],
        tokens_in=counts[TOKENS_IN],
        tokens_out=counts[TOKENS_OUT],
        images=counts[IMAGES],
        dollars=dollars(counts[SPENT]),
    )


def _limited(limits: TenantLimits, month: list[LedgerItem]) -> Iterator[LimitScope]:
    """Yield the scopes that have limits: named ones, and used ones where each has a limit."""
    yield TENANT_SCOPE
    used = sum_counters(month, COMMITTED)
    kinds: tuple[tuple[ScopeKind, Mapping[str, object]], ...] = (
        ("key", limits.keys),
        ("model", limits.models),
    )
    for kind, limits_by_name in kinds:
        names = set(limits_by_name) - {EACH}
        if EACH in limits_by_name:
            names |= {scope.name for scope in used if scope.kind == kind and scope.name}
        yield from (LimitScope(kind, name) for name in sorted(names))


def _in_dollars(
    scope: LimitScope, limits: TenantLimits, day: LedgerItem, month: list[LedgerItem], now: datetime
) -> Iterator[DollarBudget]:
    of, today = limits.for_scope(scope), day_of(now)
    rows: tuple[tuple[DollarPeriod, int | None, list[LedgerItem], datetime], ...] = (
        ("day", of.nanodollars_a_day, [day], after_day(today)),
        ("month", of.nanodollars_a_month, month, after_month(today)),
    )
    for period, limit, items, resets_at in rows:
        if limit is None:
            continue
        spent = sum(counter_value(item, SPENT, scope) for item in items)
        reserved = sum(_reserved(item, scope, now) for item in items)
        yield DollarBudget(
            scope=scope.kind,
            name=scope.name,
            period=period,
            limit=dollars(limit),
            spent=dollars(spent),
            reserved=dollars(reserved),
            left=dollars(max(0, limit - spent - reserved)),
            resets_at=resets_at,
        )


def _reserved(item: LedgerItem, scope: LimitScope, now: datetime) -> int:
    """Return what is reserved of a day, less what has expired but was not given back yet."""
    gone = (entry for _, entry in expired_entries(item, now.timestamp()) if scope in entry.scopes)
    committed = counter_value(item, COMMITTED, scope) - counter_value(item, SPENT, scope)
    return committed - sum(entry.nanodollars for entry in gone)


def _a_minute(
    scope: LimitScope, limits: TenantLimits, minute: LedgerItem, now: datetime
) -> Iterator[RateLimit]:
    of, resets_at = limits.for_scope(scope), after_minute(now)
    used, tokens = counter_value(minute, REQUESTS, scope), counter_value(minute, TOKENS, scope)
    if of.requests_a_minute is not None:
        yield _rate(scope, "requests", of.requests_a_minute, used, resets_at)
    if of.tokens_a_minute is not None:
        yield _rate(scope, "tokens", of.tokens_a_minute, tokens, resets_at)


def _rate(
    scope: LimitScope,
    measure: Literal["requests", "tokens"],
    limit: int,
    used: int,
    resets_at: datetime,
) -> RateLimit:
    return RateLimit(
        scope=scope.kind,
        name=scope.name,
        measure=measure,
        limit=limit,
        used=used,
        left=max(0, limit - used),
        resets_at=resets_at,
    )
