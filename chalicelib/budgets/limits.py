"""Limits: which hold for a tenant, its keys and its models, as stage and operator say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class Scope:
    """Whom a limit holds for: the tenant, or one of its keys or models by name."""

    kind: ScopeKind
    name: str = ""

    def __str__(self) -> str:
        """Return it as people are told of it."""
        return f"{self.kind} {self.name}" if self.name else self.kind


TENANT = Scope("tenant")


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one scope; None is no limit."""

    nanodollars_a_day: int | None = None
    nanodollars_a_month: int | None = None
    requests_a_minute: int | None = None
    tokens_a_minute: int | None = None

    @property
    def by_minute(self) -> bool:
        """Tell whether anything is limited by the minute."""
        return (self.requests_a_minute, self.tokens_a_minute) != (None, None)

    @property
    def by_dollars(self) -> bool:
        """Tell whether dollars are limited."""
        return (self.nanodollars_a_day, self.nanodollars_a_month) != (None, None)


NONE = Limits()


@dataclass(frozen=True, slots=True)
class TenantLimits:
    """The limits of a tenant, and of its keys and models by their names."""

    tenant: Limits = NONE
    keys: Mapping[str, Limits] = field(default_factory=dict)
    models: Mapping[str, Limits] = field(default_factory=dict)

    def of(self, scope: Scope) -> Limits:
        """Return the limits of `scope`: its own, or those of each of its kind."""
        if scope.kind == "tenant":
            return self.tenant
        named = self.keys if scope.kind == "key" else self.models
        return named.get(scope.name, named.get(EACH, NONE))

    @property
    def by_minute(self) -> bool:
        """Tell whether anything is limited by the minute."""
        every = (self.tenant, *self.keys.values(), *self.models.values())
        return any(limits.by_minute for limits in every)


def merged(stage: Limits, given: TenantLimitsGiven) -> TenantLimits:
    """Return what holds: what an operator gave, and the stage's limits where nothing was given.

    The stage limits tenants only.
    """
    return TenantLimits(
        _over(stage, given.tenant),
        {name: _over(NONE, each) for name, each in given.keys.items()},
        {name: _over(NONE, each) for name, each in given.models.items()},
    )


def stage_limits(*, daily: str, monthly: str, requests: str, tokens: str) -> Limits:
    """Return a stage's limits from its parameters, of which 0 is no limit.

    Raises:
        InvalidInput: one is no number, or less than 0.
    """
    return Limits(
        _money("DailyDollars", daily),
        _money("MonthlyDollars", monthly),
        _count("RequestsAMinute", requests),
        _count("TokensAMinute", tokens),
    )


def _over(below: Limits, given: LimitsGiven) -> Limits:
    said = given.model_fields_set

    def money(name: str, amount: Decimal | None, otherwise: int | None) -> int | None:
        if name not in said:
            return otherwise
        return None if amount is None else nanodollars(amount)

    return Limits(
        money("dollars_a_day", given.dollars_a_day, below.nanodollars_a_day),
        money("dollars_a_month", given.dollars_a_month, below.nanodollars_a_month),
        given.requests_a_minute if "requests_a_minute" in said else below.requests_a_minute,
        given.tokens_a_minute if "tokens_a_minute" in said else below.tokens_a_minute,
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
