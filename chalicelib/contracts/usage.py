"""Usage: what models were asked for and what they cost, by day, key, model or collection."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.budgets import ScopeKind
from chalicelib.contracts.receipts import Dollars

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
    """What was used from `first_day` to `last_day`, both in UTC and both counted in.

    The rows add up to `total`.
    """

    first_day: dt.date
    last_day: dt.date
    by: UsageBy
    items: tuple[UsageRow, ...]
    total: UsageCounts
