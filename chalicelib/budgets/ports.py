"""What budgets need of the world."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.budgets.ledger import Change, Counted, Item
    from chalicelib.contracts.budgets import TenantLimitsGiven


class SpendingRecords(Protocol):
    """The counters of all tenants, and the limits that operators gave them."""

    def limits(self, tenant: str) -> TenantLimitsGiven:
        """Return the limits that an operator gave the tenant."""

    def change(self, tenant: str, change: Change) -> Counted:
        """Make a change, or none of it where a condition of it does not hold."""

    def item(self, tenant: str, name: str) -> Item:
        """Return an item as it is, empty where there is none."""

    def days(self, tenant: str, first: date, last: date) -> Iterator[tuple[date, Item]]:
        """Yield the tenant's days from `first` to `last` that are there, in order."""

    def open_day(self, tenant: str, day: date, content: Mapping[str, int | str]) -> None:
        """Let a day take reservations and begin with `content`, unless it was opened before."""

    def drop_days(self, tenant: str, days: Iterable[date]) -> None:
        """Remove the items of `days`; one that is not there is no error."""

    def tenant_stays(self, tenant: str) -> bool:
        """Tell whether the tenant is there, and is not being removed."""

    def collections(self, tenant: str, first: date, last: date) -> Iterator[tuple[date, str, Item]]:
        """Yield what was used for each collection and day, in order of the days."""

    def mark_told(self, tenant: str, what: str, keep_until: int) -> bool:
        """Note that `what` is told; False when it is noted already."""

    def unmark_told(self, tenant: str, what: str) -> None:
        """Forget that `what` is told: it could not be."""
