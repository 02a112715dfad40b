"""Days of a tenant: how one is opened, and how it learns what the days before it cost.

A day's item counts the month up to it, too, so that one write can hold to both limits. What the
days before cost is read when the day is opened, after the last of them was closed: from then on
they change only by what was open at midnight and is settled, or expires.
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
"""Reservations given back in one write, whose expressions have 4 KB."""
MAX_TRIES = 3
"""Tries at a correction; what is left to correct then is so the next time."""
_ONE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class BudgetDays:
    """The days of all tenants."""

    records: LedgerStore
    utcnow: Callable[[], datetime]

    def open_day(self, tenant: str, day: date) -> date:
        """Open `day`, and return it; if a later day of its month is open, return that one.

        May be repeated, and be done by many at once. The tenant is looked for afterwards, too: a
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
        """Let `day` count again what the days before it cost; one that is not open is left alone.

        Where another does the same meanwhile, it is looked at again: who came first may have read
        the days before when they cost something else.
        """
        for _ in repeat(None, MAX_TRIES):
            item = self.records.item(tenant, day_item(day))
            if not takes_reservations(item):
                return
            change = correction_change(day, item, self._before(tenant, day))
            if change is None or self.records.apply(tenant, change).applied:
                return

    def release_expired(self, tenant: str, name: str, item: LedgerItem) -> LedgerItem | None:
        """Give back reservations of an item that have expired, some at a time; return the item as
        it is then, None where nothing has expired.

        Many may do this at once: of those that take the same ones, one does.
        """
        gone = expired_entries(item, self.utcnow().timestamp())[:MAX_EXPIRED_AT_ONCE]
        return self.records.apply(tenant, expiry_change(name, gone)).item if gone else None

    def _refuse_if_gone(self, tenant: str) -> None:
        if not self.records.tenant_exists(tenant):
            raise NotFound(f"There is no tenant {tenant}, or it is being removed.", field="tenant")

    def _later(self, tenant: str, day: date) -> date | None:
        last = _last_of_month(day)
        found = self.records.days(tenant, day + _ONE, last) if day < last else ()
        return max((each for each, item in found if takes_reservations(item)), default=None)

    def _before(self, tenant: str, day: date) -> Sequence[LedgerItem]:
        """Return the days of the month before `day`, with nothing in them that has expired."""
        first = day.replace(day=1)
        if day == first:
            return ()
        found: list[LedgerItem] = []
        for each, content in self.records.days(tenant, first, day - _ONE):
            item: LedgerItem | None = content
            while item is not None:
                known, item = item, self.release_expired(tenant, day_item(each), item)
            found.append(known)
        return found


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _ONE
