"""Days of a tenant: how one is opened, and how it learns what the days before it cost.

A day's item also counts the month up to it, so that one write can check both limits. The costs of
the days before are read when the day is opened, after the last of them was closed: from then on
they change only by reservations that were open at midnight and are settled, or expire.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import repeat
from typing import TYPE_CHECKING

from chalicelib.budgets.changes import (
    closing_change,
    correction_change,
    day_item,
    expiry_change,
    opening_content,
)
from chalicelib.budgets.ledger import LedgerItem, expired_entries, takes_reservations
from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import LedgerStore

MAX_EXPIRED_AT_ONCE = 20
"""The most reservations given back in one write, whose expressions are limited to 4 KB."""
MAX_TRIES = 3
"""Tries at a correction; what they do not correct is corrected the next time."""
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BudgetDays:
    """The days of all tenants."""

    records: LedgerStore
    utcnow: Callable[[], datetime]

    def open_day(self, tenant: str, day: date) -> date:
        """Open `day` and return it; if a later day of its month is open, return that one.

        Idempotent, and safe for concurrent callers. The tenant is looked up again afterwards: a
        removal that began meanwhile may not find what was written after it had looked.

        Raises:
            NotFound: there is no such tenant, or it is being removed.
        """
        later = self._later(tenant, day)
        if later is not None:
            return later
        self._refuse_if_gone(tenant)
        if day.day > 1:
            self.records.apply(tenant, closing_change(day - _ONE))
        self.records.open_day(tenant, day, opening_content(day, self._before(tenant, day)))
        try:
            self._refuse_if_gone(tenant)
        except NotFound:
            self.records.drop_days(tenant, (day - _ONE, day))
            raise
        return day

    def correct_month(self, tenant: str, day: date) -> None:
        """Correct the costs of the month's earlier days in `day`; do nothing if it is not open.

        If a concurrent caller corrects it at the same time, the days are read again: the first
        writer may have read them before their costs changed.
        """
        for _ in repeat(None, MAX_TRIES):
            item = self.records.item(tenant, day_item(day))
            if not takes_reservations(item):
                return
            change = correction_change(day, item, self._before(tenant, day))
            if change is None or self.records.apply(tenant, change).applied:
                return

    def release_expired(self, tenant: str, name: str, item: LedgerItem) -> LedgerItem | None:
        """Give back expired reservations of an item, some at a time.

        Return the item as it is then, None if nothing has expired. Safe for concurrent callers: if
        several take the same reservations, one succeeds.
        """
        gone = expired_entries(item, self.utcnow().timestamp())[:MAX_EXPIRED_AT_ONCE]
        return self.records.apply(tenant, expiry_change(name, gone)).item if gone else None

    def _refuse_if_gone(self, tenant: str) -> None:
        if not self.records.tenant_exists(tenant):
            raise NotFound(f"There is no tenant {tenant}, or it is being removed.", field="tenant")

    def _later(self, tenant: str, day: date) -> date | None:
        last = _last_of_month(day)
        later_days = self.records.days(tenant, day + _ONE, last) if day < last else ()
        return max((later for later, item in later_days if takes_reservations(item)), default=None)

    def _before(self, tenant: str, day: date) -> Sequence[LedgerItem]:
        """Return the days of the month before `day`, with nothing in them that has expired."""
        first = day.replace(day=1)
        if day == first:
            return ()
        items: list[LedgerItem] = []
        for earlier, content in self.records.days(tenant, first, day - _ONE):
            item: LedgerItem | None = content
            while item is not None:
                known, item = item, self.release_expired(tenant, day_item(earlier), item)
            items.append(known)
        return items


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _ONE
