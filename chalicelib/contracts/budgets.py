"""Budgets: what may be spent, what is reserved of it, and what is told of both.

Money is decimal dollars where people or other services read it, and nano-dollars in a reservation.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, ClassVar, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.receipts import Dollars

ScopeKind = Literal["tenant", "key", "model"]
DollarPeriod = Literal["day", "month"]
EACH = "*"
"""Stands for each key, or each model, that has no limits under its own name."""
MAX_DOLLARS = Decimal(1_000_000_000)
MAX_COUNT = 1_000_000_000_000

_Amount = Annotated[Dollars, Field(le=MAX_DOLLARS)]
_Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]


class LimitsGiven(Contract):
    """Limits as an operator gave them: None is no limit, and what is left out is the stage's.

    Days, months and minutes are those of UTC. `requests` are calls of a model.
    """

    dollars_a_day: _Amount | None = None
    dollars_a_month: _Amount | None = None
    requests_a_minute: _Count | None = None
    tokens_a_minute: _Count | None = None


class TenantLimitsGiven(Contract):
    """All limits that an operator gave a tenant: its own, and those of its keys and models."""

    tenant: LimitsGiven = LimitsGiven()
    keys: dict[str, LimitsGiven] = Field(default_factory=dict)
    models: dict[str, LimitsGiven] = Field(default_factory=dict)


class Reservation(Contract):
    """A reservation of the most that one or several calls may spend, taken off every limit.

    `tokens` and `nanodollars` are the most that it can cost. `day` is the day that it is taken off,
    and `minute` the minute, "" where nothing is counted by the minute. Once `expires_at` is past,
    it may be given back to the budget by anyone.
    """

    reservation_id: str = Field(pattern=r"^[A-Za-z0-9_-]{8,64}$")
    tenant: str
    key: str = ""
    model: str
    collection: str = ""
    requests: int = Field(default=1, ge=1)
    tokens: int = Field(default=0, ge=0)
    nanodollars: int = Field(default=0, ge=0)
    day: dt.date
    minute: str = ""
    made_at: AwareDatetime
    expires_at: AwareDatetime


class Charge(Contract):
    """The use of a reservation, as it is written beside the receipt.

    `requests` are calls of a model. A reservation that its process could not settle is settled by
    its charges.
    """

    reservation_id: str
    nanodollars: int = Field(ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    images: int = Field(default=0, ge=0)
    requests: int = Field(default=1, ge=0)


class DollarBudget(Contract):
    """One limit in dollars: `spent` and `reserved` of it, and when the next period begins."""

    scope: ScopeKind
    name: str = ""
    """The key's id or the model's name; empty for the tenant."""
    period: DollarPeriod
    limit: Dollars
    spent: Dollars
    reserved: Dollars
    left: Dollars
    resets_at: AwareDatetime


class RateLimit(Contract):
    """One limit of a minute: how much of it is used, and when the next minute begins."""

    scope: ScopeKind
    name: str = ""
    """The key's id or the model's name; empty for the tenant."""
    measure: Literal["requests", "tokens"]
    limit: int = Field(ge=0)
    used: int = Field(ge=0)
    left: int = Field(ge=0)
    resets_at: AwareDatetime


class BudgetReport(Contract):
    """Every limit that holds for the tenant, its keys and its models, and what is left of it."""

    dollars: tuple[DollarBudget, ...]
    a_minute: tuple[RateLimit, ...]


class BudgetExceeded(BusEvent):
    """A request was refused because it could have cost more than was left of a limit.

    It is told once for each limit and period, whatever is refused after that.
    """

    detail_type: ClassVar[str] = "budget.exceeded"

    tenant: str
    scope: ScopeKind
    name: str = ""
    period: DollarPeriod
    limit: Dollars
    committed: Dollars
    """The amount spent or reserved when the request was refused."""
    resets_at: AwareDatetime
    correlation_id: str
    time: AwareDatetime


UsageBy = Literal["day", "model", "key", "collection"]


class UsageCounts(Contract):
    """Calls of models that were settled, and what they used and cost at list prices."""

    requests: int = Field(default=0, ge=0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    images: int = Field(default=0, ge=0)
    dollars: Dollars = Decimal(0)


class UsageRow(UsageCounts):
    """One day, model, key or collection; an empty `name` is what was for none of them."""

    name: str


class ExportedUsage(UsageCounts):
    """A line of `usage.jsonl` in an export: what one day has for the tenant, a key or a model."""

    day: dt.date
    scope: ScopeKind
    name: str


class UsageReport(Contract):
    """Usage from `first_day` to `last_day`, inclusive, in UTC.

    The rows add up to `total`.
    """

    first_day: dt.date
    last_day: dt.date
    by: UsageBy
    items: tuple[UsageRow, ...]
    total: UsageCounts
