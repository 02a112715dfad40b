"""Limits of a tenant, its keys and its models, as the stage and the operator set them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation

from chalicelib.contracts.budgets import (
    EACH,
    MAX_COUNT,
    MAX_DOLLARS,
    LimitsGiven,
    ScopeKind,
    TenantLimitsGiven,
)
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import InvalidInput


@dataclass(frozen=True, slots=True, order=True)
class LimitScope:
    """The scope of a limit: the tenant, or one of its keys or models by name."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        """Return the scope as messages name it."""
        return f"{self.kind} {self.name}" if self.name else self.kind


TENANT_SCOPE = LimitScope("tenant")


@dataclass(frozen=True, slots=True)
class SpendingLimits:
    """The limits of one scope; None means no limit."""

    nanodollars_a_day: int | None = None
    nanodollars_a_month: int | None = None
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None

    @property
    def has_minute_limits(self) -> bool:
        """Return whether anything is limited by the minute."""
        return (self.requests_a_minute, self.tokens_a_minute) != (None, None)

    @property
    def has_dollar_limits(self) -> bool:
        """Return whether dollars are limited."""
        return (self.nanodollars_a_day, self.nanodollars_a_month) != (None, None)


UNLIMITED = SpendingLimits()


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """The limits of a tenant, and of its keys and models by their names."""

    tenant: SpendingLimits = UNLIMITED
    keys: Mapping[str, SpendingLimits] = field(default_factory=dict)
    models: Mapping[str, SpendingLimits] = field(default_factory=dict)

    def for_scope(self, scope: LimitScope) -> SpendingLimits:
        """Return the limits of `scope`: its own, or those for each of its kind."""
        if scope.kind == "tenant":
            return self.tenant
        by_name = self.keys if scope.kind == "key" else self.models
        return by_name.get(scope.name, by_name.get(EACH, UNLIMITED))

    @property
    def has_minute_limits(self) -> bool:
        """Return whether anything is limited by the minute."""
        every = (self.tenant, *self.keys.values(), *self.models.values())
        return any(limits.has_minute_limits for limits in every)


def merge_limits(stage: SpendingLimits, given: TenantLimitsGiven) -> TenantLimits:
    """Return the effective limits: the operator's, and the stage's where none was set.

    The stage limits tenants only.
    """
    return TenantLimits(
        _over(stage, given.tenant),
        {name: _over(UNLIMITED, limits) for name, limits in given.keys.items()},
        {name: _over(UNLIMITED, limits) for name, limits in given.models.items()},
    )


def stage_limits(*, daily: str, monthly: str, requests: str, tokens: str) -> SpendingLimits:
    """Return a stage's limits from its parameters, in which 0 means no limit.

    Raises:
        InvalidInput: a parameter is no number, or less than 0.
    """
    return SpendingLimits(
        _money("DailyDollars", daily),
        _money("MonthlyDollars", monthly),
        _count("RequestsAMinute", requests),
        _count("TokensAMinute", tokens),
    )


def _over(below: SpendingLimits, given: LimitsGiven) -> SpendingLimits:
    fields_set = given.model_fields_set

    def money(name: str, amount: Decimal | None, otherwise: int | None) -> int | None:
        if name not in fields_set:
            return otherwise
        return None if amount is None else nanodollars(amount)

    return SpendingLimits(
        money("dollars_a_day", given.dollars_a_day, below.nanodollars_a_day),
        money("dollars_a_month", given.dollars_a_month, below.nanodollars_a_month),
        given.requests_a_minute if "requests_a_minute" in fields_set else below.requests_a_minute,
        given.tokens_a_minute if "tokens_a_minute" in fields_set else below.tokens_a_minute,
    )


def _money(name: str, text: str) -> int | None:
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise InvalidInput(f"{name} is {text!r}, not a number of dollars.", field=name) from error
    if not (amount.is_finite() and 0 <= amount <= MAX_DOLLARS):
        raise InvalidInput(
            f"{name} is {text}; it must be from 0, for no limit, to {MAX_DOLLARS} dollars.",
            field=name,
            limit=str(MAX_DOLLARS),
        )
    return nanodollars(amount) or None


def _count(name: str, text: str) -> int | None:
    if not (text.isascii() and text.isdigit() and int(text[:20]) <= MAX_COUNT):
        raise InvalidInput(
            f"{name} is {text!r}; it must be a whole number from 0, for no limit, to {MAX_COUNT}.",
            field=name,
            limit=str(MAX_COUNT),
        )
    return int(text) or None


_DECEMBER = 12


def day_of(moment: datetime) -> date:
    """Return the day of `moment` in UTC."""
    return moment.astimezone(UTC).date()


def month_of(day: date) -> str:
    """Return the month of `day`, such as `2026-11`; the names of its days begin with it."""
    return f"{day:%Y-%m}"


def minute_of(moment: datetime) -> str:
    """Return the minute of `moment` in UTC, such as `2026-11-26T13:32`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"


def after_day(day: date) -> datetime:
    """Return when the day after `day` begins."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)


def after_month(day: date) -> datetime:
    """Return when the month after that of `day` begins."""
    years, month = divmod(day.month, _DECEMBER)
    return datetime(day.year + years, month + 1, 1, tzinfo=UTC)


def after_minute(moment: datetime) -> datetime:
    """Return when the minute after that of `moment` begins."""
    begun = moment.astimezone(UTC).replace(second=0, microsecond=0)
    return begun + timedelta(minutes=1)


def seconds_until(moment: datetime, now: datetime) -> int:
    """Return the whole seconds from `now` until `moment`, at least one."""
    return max(1, math.ceil((moment - now).total_seconds()))
