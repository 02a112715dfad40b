"""Claims on Inferentia and Trainium beside list prices: `python -m infra.costs.accelerators`.

It prints the table that stands in docs/training.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from models.training.instances import instances

FILE = Path(__file__).with_name("accelerator_claims.json")
BEGIN, END = "<!-- accelerators: begin -->", "<!-- accelerators: end -->"
_MILLION, _HOUR_S = 1_000_000, 3600


class AcceleratorClaim(BaseModel):
    """A published claim: a throughput and its price, or a saving beside another instance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    instance: str
    source: str
    date: str
    per_second: Decimal | None = None
    usd_per_million: Decimal | None = None
    beside: str = ""
    saves: Decimal | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> AcceleratorClaim:
        of_speed = self.per_second is not None and self.usd_per_million is not None
        if of_speed == (self.saves is not None and bool(self.beside)):
            raise ValueError("a claim needs per_second and usd_per_million, or beside and saves")
        return self


def claims() -> list[AcceleratorClaim]:
    """Return the claims."""
    written = json.loads(FILE.read_text(encoding="utf-8"))["claims"]
    return [AcceleratorClaim.model_validate(each) for each in written]


def list_price(instance: str) -> Decimal:
    """Return what EC2 asks for an hour of an instance. Raises ValueError if it has no price."""
    price = instances()[instance].ec2_usd_an_hour
    if price is None:
        raise ValueError(f"{instance} has no list price of EC2")
    return price


def usd_per_million(claim: AcceleratorClaim) -> Decimal:
    """Return the price of a million inferences at the claimed throughput and the list price."""
    assert claim.per_second is not None
    return list_price(claim.instance) * _MILLION / (_HOUR_S * claim.per_second)


def speed_needed(claim: AcceleratorClaim) -> Decimal:
    """Return how many times as fast as the other instance a saving needs this one to be."""
    assert claim.saves is not None
    return list_price(claim.instance) / (list_price(claim.beside) * (1 - claim.saves))


def table() -> Iterator[str]:
    """Yield the lines of the table, as Markdown."""
    yield "| claim | on | claimed | at EC2's list price | |"
    yield "| --- | --- | --- | --- | --- |"
    for each in claims():
        hour = f"{each.instance.removeprefix('ml.')}, ${list_price(each.instance):.2f} an hour"
        yield f"| {each.what} ({each.date}) | {hour} | {_claimed(each)} | {_found(each)} |"


def _claimed(claim: AcceleratorClaim) -> str:
    if claim.saves is not None:
        return f"{claim.saves:.0%} less than {claim.beside.removeprefix('ml.')}"
    return f"{claim.per_second:,.0f} a second, ${claim.usd_per_million} a million"


def _found(claim: AcceleratorClaim) -> str:
    if claim.saves is not None:
        beside = f"{claim.beside.removeprefix('ml.')} is ${list_price(claim.beside):.2f}"
        return f"{beside} | holds if it is {speed_needed(claim):.2f} times as fast"
    assert claim.usd_per_million is not None
    found = usd_per_million(claim)
    return f"${found:.3f} a million | {found / claim.usd_per_million:.1f} times what is claimed"


def main() -> int:
    """Print the table."""
    for line in table():
        print(line)  # noqa: T201 - for the user
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
