"""Receipts: what a result cost, and what the next dearer path would have cost.

Dollars are AWS's list prices, in one region and on the day that the catalogue names, whoever did
the work: a machine that stands in for AWS asks for none. Seconds are measured where it was done.
Money is an integer of nano-dollars inside and a decimal string of dollars outside.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, PlainSerializer

from chalicelib.contracts.base import Contract, is_none

NANODOLLARS_IN_A_DOLLAR_EXPONENT = 9

Dollars = Annotated[
    Decimal,
    Field(ge=0),
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
]
"""Decimal dollars; as JSON a string without an exponent, such as `0.000000417`."""


def dollars(nanodollars: int) -> Decimal:
    """Return nano-dollars as decimal dollars, exactly."""
    return Decimal(nanodollars).scaleb(-NANODOLLARS_IN_A_DOLLAR_EXPONENT)


def nanodollars(amount: Decimal) -> int:
    """Return decimal dollars as nano-dollars; what is finer is rounded half to even."""
    return round(amount.scaleb(NANODOLLARS_IN_A_DOLLAR_EXPONENT))


class ReceiptLine(Contract):
    """One use of one model, or of a service (`model` is then the service's catalogue name).

    `model` is what did the work. `priced_as` is what AWS's list price in `dollars` is asked for:
    the Bedrock model that was asked, by its id in the catalogue, whichever model answered for it,
    or a service; empty where the catalogue has no price, and `dollars` says nothing then.
    """

    model: str
    priced_as: str = ""
    role: str
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    images: int = Field(default=0, ge=0)
    transitions: int = Field(default=0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    dollars: Dollars = Decimal(0)


class NextDearer(Contract):
    """The next dearer path that could have given this result, and its price."""

    path: str
    dollars: Dollars


class ReceiptArm(Contract):
    """The arm of a rollout that gave the result."""

    rollout_id: str
    arm: Literal["live", "candidate"]


class Receipt(Contract):
    """Lines in the order in which the work was done or models were tried, and their totals.

    `transitions` are the billed steps of a state machine. `rollout` is there if the call was part
    of a rollout that serves some of the end users by a candidate.
    """

    lines: tuple[ReceiptLine, ...] = ()
    tokens_in: int = 0
    tokens_out: int = 0
    images: int = 0
    transitions: int = 0
    seconds: float = 0.0
    dollars: Dollars = Decimal(0)
    next_dearer: NextDearer | None = None
    rollout: ReceiptArm | None = Field(default=None, exclude_if=is_none)

    @classmethod
    def of(cls, lines: Iterable[ReceiptLine], next_dearer: NextDearer | None = None) -> Self:
        """Return the receipt of `lines`, totals included."""
        kept = tuple(lines)
        return cls(
            lines=kept,
            tokens_in=sum(line.tokens_in for line in kept),
            tokens_out=sum(line.tokens_out for line in kept),
            images=sum(line.images for line in kept),
            transitions=sum(line.transitions for line in kept),
            seconds=round(math.fsum(line.seconds for line in kept), 6),
            dollars=sum((line.dollars for line in kept), Decimal(0)),
            next_dearer=next_dearer,
        )
