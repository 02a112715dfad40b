"""Budgets in the records table: limits, and what is counted of each day and minute.

    TENANT#<tenant>   LIMITS                          the limits that an operator gave
    TENANT#<tenant>   SPENDING#<day>                  what a day has, with its open reservations
    TENANT#<tenant>   MINUTE#<minute>                 what a minute has; expires within two hours
    TENANT#<tenant>   COLLECTED#<day>#<collection>    what was used for a collection in a day
    TENANT#<tenant>   TOLD#<limit and period>         a limit whose end the bus has heard of

Every change is one UpdateItem with one condition, which no other write can come between, and which
returns the item either way, for no read units:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Put, Update, Value, WriteCondition
from chalicelib.adapters.dynamodb import Item as Record
from chalicelib.adapters.records.writes import ABSENT, tenant_key, tenant_pk
from chalicelib.budgets.changes import COLLECTION_DAY, DAY, day_item
from chalicelib.budgets.ledger import ChangeResult, LedgerChange, LedgerItem
from chalicelib.contracts.budgets import TenantLimitsGiven
from chalicelib.errors import Conflict

LIMITS = "LIMITS"
_TOLD = "TOLD#"
_KEPT_UNTIL = "expires_at"
_KEY_NAMES = ("pk", "sk")


class BudgetRecords:
    """The counters of all tenants, and the limits that operators gave them."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def limits(self, tenant: str) -> TenantLimitsGiven:
        """Return the limits that an operator gave the tenant."""
        found = self._table.get((tenant_pk(tenant), LIMITS))
        if found is None:
            return TenantLimitsGiven()
        return TenantLimitsGiven.model_validate_json(found["limits"])

    def replace_limits(
        self, tenant: str, before: TenantLimitsGiven, limits: TenantLimitsGiven
    ) -> None:
        """Let `limits` hold in place of those that were there `before`.

        Raises:
            Conflict: somebody else has changed them since.
        """
        seen = _written(before)
        unchanged = WriteCondition(
            "attribute_not_exists(pk) OR #limits = :before", {":before": seen}
        )
        if before != TenantLimitsGiven():
            unchanged = WriteCondition("#limits = :before", {":before": seen})
        pk = tenant_pk(tenant)
        self._table.put(Put({"pk": pk, "sk": LIMITS, "limits": _written(limits)}, unchanged))

    def apply(self, tenant: str, change: LedgerChange) -> ChangeResult:
        """Make a change, or none of it where a condition of it does not hold."""
        done = self._table.updated(_update(tenant, change))
        return ChangeResult(done.made, _content(done.item))

    def item(self, tenant: str, name: str) -> LedgerItem:
        """Return an item as it is, empty where there is none."""
        return _content(self._table.get((tenant_pk(tenant), name)) or {})

    def days(self, tenant: str, first: date, last: date) -> Iterator[tuple[date, LedgerItem]]:
        """Yield the tenant's days from `first` to `last` that are there, in order."""
        for name, item in self._between(tenant, DAY, first, last):
            yield date.fromisoformat(name), item

    def collections(
        self, tenant: str, first: date, last: date
    ) -> Iterator[tuple[date, str, LedgerItem]]:
        """Yield what was used for each collection and day, in order of the days."""
        for name, item in self._between(tenant, COLLECTION_DAY, first, last):
            day, _, collection = name.partition("#")
            yield date.fromisoformat(day), collection, item

    def open_day(self, tenant: str, day: date, content: Mapping[str, int | str]) -> None:
        """Let a day take reservations and begin with `content`, unless it was opened before."""
        item: dict[str, Value] = {"pk": tenant_pk(tenant), "sk": day_item(day), **content}
        try:
            self._table.put(Put(item, ABSENT))
        except Conflict:
            return

    def drop_days(self, tenant: str, days: Iterable[date]) -> None:
        """Remove the items of `days`; one that is not there is no error."""
        for day in days:
            self._table.delete(Delete((tenant_pk(tenant), day_item(day))))

    def tenant_exists(self, tenant: str) -> bool:
        """Tell whether the tenant is there, and is not being removed."""
        found = self._table.get(tenant_key(tenant))
        return found is not None and "removing" not in found

    def mark_announced(self, tenant: str, what: str, keep_until: int) -> bool:
        """Note that `what` is told; False when it is noted already."""
        pk, sk = tenant_pk(tenant), _TOLD + what
        try:
            self._table.put(Put({"pk": pk, "sk": sk, _KEPT_UNTIL: keep_until}, ABSENT))
        except Conflict:
            return False
        return True

    def unmark_announced(self, tenant: str, what: str) -> None:
        """Forget that `what` is told: it could not be."""
        self._table.delete(Delete((tenant_pk(tenant), _TOLD + what)))

    def _between(
        self, tenant: str, prefix: str, first: date, last: date
    ) -> Iterator[tuple[str, LedgerItem]]:
        """Yield the items whose names go on behind `prefix` with a day from `first` to `last`."""
        found = self._table.query(tenant_pk(tenant), prefix, after=_just_before(prefix, first))
        for record in found:
            name = str(record["sk"]).removeprefix(prefix)
            if name[: len("2026-11-26")] > last.isoformat():
                return
            yield name, _content(record)


def _just_before(prefix: str, day: date) -> str:
    """Return a name behind those of all earlier days, and before those of `day`."""
    name = prefix + day.isoformat()
    return f"{name[:-1]}{chr(ord(name[-1]) - 1)}~"


def _written(limits: TenantLimitsGiven) -> str:
    """Return limits as they are kept; what was not given is not written, as None is no limit."""
    return limits.model_dump_json(exclude_unset=True)


def _content(record: Record) -> LedgerItem:
    return {name: value for name, value in record.items() if name not in _KEY_NAMES}


def _update(tenant: str, change: LedgerChange) -> Update:
    """Return a change as one update. Names hold what no expression may, so all are stood for."""
    stands: dict[str, str] = {}
    values: dict[str, Value] = {}

    def named(name: str) -> str:
        return stands.setdefault(name, f"#n{len(stands)}")

    def valued(value: int | str) -> str:
        values[f":v{len(values)}"] = value
        return f":v{len(values) - 1}"

    conditions = [f"attribute_exists({named(name)})" for name in change.required]
    conditions += [f"attribute_not_exists({named(name)})" for name in change.absent]
    for name, most in change.max_before.items():
        absent = f"attribute_not_exists({named(name)}) OR " if most >= 0 else ""
        conditions.append(f"({absent}{named(name)} <= {valued(most)})")
    written: dict[str, int | str] = dict(change.write)
    if change.keep_until:
        written[_KEPT_UNTIL] = change.keep_until
    clauses = (
        ("ADD", [f"{named(name)} {valued(more)}" for name, more in change.add.items()]),
        ("SET", [f"{named(name)} = {valued(value)}" for name, value in written.items()]),
        ("REMOVE", [named(name) for name in change.remove]),
    )
    expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses if parts)
    condition = WriteCondition(" AND ".join(conditions)) if conditions else None
    names = {stand: name for name, stand in stands.items()}
    return Update((tenant_pk(tenant), change.item), expression, values, condition, names)
