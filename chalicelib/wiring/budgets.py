"""The composition root of budgets: what spends stands on it, and what shows what was spent."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.observability import log_refusal, logger
from chalicelib.settings import BudgetSettings, RecordsSettings

if TYPE_CHECKING:
    from chalicelib.adapters.records.budgets import BudgetRecords
    from chalicelib.budgets.limits import SpendingLimits
    from chalicelib.budgets.reservations import TenantBudgets
    from chalicelib.budgets.settlement import Recount
    from chalicelib.errors import HeadraceError

SERVICE = "budgets"
_ID_BYTES = 9
"""A reservation's id is as short as it can be, since its day holds it: 72 bits of chance."""


def budgets(environ: Mapping[str, str]) -> TenantBudgets:
    """Return the budgets of the stage that `environ` describes, built once a process."""
    return _budgets(BudgetSettings.from_environ(environ))


def spending(environ: Mapping[str, str]) -> tuple[BudgetRecords, SpendingLimits]:
    """Return what was spent and is kept, and the limits of the stage."""
    settings = BudgetSettings.from_environ(environ)
    return _records(settings.records_table), _limits(settings)


def recounts(environ: Mapping[str, str]) -> Callable[[str, datetime], Recount]:
    """Return what finds, of a tenant, what nobody has settled since a time."""
    records = _records(RecordsSettings.from_environ(environ).records_table)

    def found(tenant: str, since: datetime) -> Recount:
        from chalicelib.budgets.settlement import ReservationSettler, start_recount

        settle = ReservationSettler(records, _now, _log).settle
        return start_recount(records, settle, tenant, since.astimezone(UTC).date(), _now().date())

    return found


@functools.cache
def _budgets(settings: BudgetSettings) -> TenantBudgets:
    from chalicelib.adapters import aws
    from chalicelib.adapters.events import EventBridgeBus
    from chalicelib.budgets.reservations import TenantBudgets

    return TenantBudgets(
        records=_records(settings.records_table),
        bus=EventBridgeBus(aws.events(), settings.event_bus),
        stage_limits=_limits(settings),
        utcnow=_now,
        new_id=lambda: secrets.token_urlsafe(_ID_BYTES),
        on_error=_log,
    )


def _records(table: str) -> BudgetRecords:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.budgets import BudgetRecords

    return BudgetRecords(DynamoTable(aws.dynamodb(), table))


def _limits(settings: BudgetSettings) -> SpendingLimits:
    from chalicelib.budgets.limits import stage_limits

    return stage_limits(
        daily=settings.daily_dollars,
        monthly=settings.monthly_dollars,
        requests=settings.requests_a_minute,
        tokens=settings.tokens_a_minute,
    )


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)


def _now() -> datetime:
    return datetime.now(UTC)
