"""The records of budgets in memory: each change whole or not at all, as the table makes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from chalicelib.budgets.changes import COLLECTION_DAY, DAY, day_item
from chalicelib.budgets.ledger import ChangeResult, LedgerChange, LedgerItem
from chalicelib.budgets.limits import UNLIMITED, SpendingLimits
from chalicelib.budgets.reservations import TenantBudgets
from chalicelib.contracts.budgets import TenantLimitsGiven
from chalicelib.contracts.events import BusEvent
from chalicelib.errors import HeadraceError

NOW = datetime(2026, 11, 26, 13, 32, 10, tzinfo=UTC)


@dataclass
class FakeSpending:
    kept: dict[tuple[str, str], dict[str, int | str]] = field(default_factory=dict)
    given: dict[str, TenantLimitsGiven] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    written: int = 0

    def limits(self, tenant: str) -> TenantLimitsGiven:
        return self.given.get(tenant, TenantLimitsGiven())

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        before = self.kept.get((tenant, change.item), {})
        if not _holds(before, change):
            return ChangeResult(False, dict(before))
        after = {name: value for name, value in before.items() if name not in change.remove}
        after |= change.write
        if change.keep_until:
            after["expires_at"] = change.keep_until
        for name, more in change.add.items():
            after[name] = int(after.get(name, 0)) + more
        self.kept[tenant, change.item] = after
        self.written += 1
        return ChangeResult(True, dict(after))

    def item(self, tenant: str, name: str) -> LedgerItem:
        return dict(self.kept.get((tenant, name), {}))

    def days(self, tenant: str, first: date, last: date) -> Iterator[tuple[date, LedgerItem]]:
        for name, item in self._named(tenant, DAY):
            if first <= date.fromisoformat(name) <= last:
                yield date.fromisoformat(name), item

    def collections(
        self, tenant: str, first: date, last: date
    ) -> Iterator[tuple[date, str, LedgerItem]]:
        for name, item in self._named(tenant, COLLECTION_DAY):
            day, _, collection = name.partition("#")
            if first <= date.fromisoformat(day) <= last:
                yield date.fromisoformat(day), collection, item

    def open_day(self, tenant: str, day: date, content: Mapping[str, int | str]) -> None:
        self.kept.setdefault((tenant, day_item(day)), dict(content))

    def drop_days(self, tenant: str, days: Iterable[date]) -> None:
        for day in days:
            self.kept.pop((tenant, day_item(day)), None)

    def tenant_exists(self, tenant: str) -> bool:
        return tenant not in self.gone

    def mark_announced(self, tenant: str, what: str, keep_until: int) -> bool:
        if (tenant, what) in self.told:
            return False
        self.told.add((tenant, what))
        return True

    def unmark_announced(self, tenant: str, what: str) -> None:
        self.told.discard((tenant, what))

    def _named(self, tenant: str, prefix: str) -> Iterator[tuple[str, LedgerItem]]:
        for owner, name in sorted(self.kept):
            if owner == tenant and name.startswith(prefix):
                yield name.removeprefix(prefix), dict(self.kept[owner, name])


def _holds(item: LedgerItem, change: LedgerChange) -> bool:
    return (
        all(name in item for name in change.required)
        and not any(name in item for name in change.absent)
        and all(int(item.get(name, 0)) <= most for name, most in change.max_before.items())
    )


@dataclass
class Clock:
    moment: datetime = NOW

    def __call__(self) -> datetime:
        return self.moment

    def passes(self, **given: float) -> None:
        self.moment += timedelta(**given)


@dataclass
class FakeBus:
    published: list[BusEvent] = field(default_factory=list)
    fails: HeadraceError | None = None

    def publish(self, event: BusEvent) -> None:
        if self.fails is not None:
            raise self.fails
        self.published.append(event)


@dataclass
class Bench:
    """Budgets on records in memory, at a time that the test sets."""

    stage: SpendingLimits = UNLIMITED
    clock: Clock = field(default_factory=Clock)
    records: FakeSpending = field(default_factory=FakeSpending)
    bus: FakeBus = field(default_factory=FakeBus)
    logged: list[HeadraceError] = field(default_factory=list)
    made: int = 0

    @property
    def budgets(self) -> TenantBudgets:
        return TenantBudgets(
            self.records, self.bus, self.stage, self.clock, self._new_id, self.logged.append
        )

    def _new_id(self) -> str:
        self.made += 1
        return f"res-{self.made:08}"
