"""Training targets: `targets.json`, with image, instance, price and fallback of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from models.failures import BadRecipe

FILE = Path(__file__).with_name("targets.json")
ANY_REGION = "*"

TargetName = Literal["cpu", "gpu", "trn1-xla", "trn2-native"]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TrainingImage(_Fact):
    """An image: its registry's account by region, `*` for every other, its repository and tag."""

    accounts: Mapping[str, str]
    repository: str
    tag: str

    def uri(self, region: str) -> str:
        """Return its address in a region. Raises BadRecipe where its account is not known."""
        account = self.accounts.get(region, self.accounts.get(ANY_REGION))
        if account is None:
            raise BadRecipe(f"{self.repository} has no known account in {region}; name an image.")
        return f"{account}.dkr.ecr.{region}.amazonaws.com/{self.repository}:{self.tag}"


class InstancePrice(_Fact):
    """The on-demand price of an instance-hour in one region."""

    usd_an_hour: Decimal
    region: str
    date: str
    source: str


class TrainingTarget(_Fact):
    """A training target.

    `device` is torch's name for it; `{cache}` in a variable stands for a location in S3. `price` is
    of `instance`, None if unknown.
    """

    device: str
    instance: str
    price: InstancePrice | None
    image: TrainingImage | None
    environment: Mapping[str, str]
    fallback: TargetName | None
    date: str
    source: str


@cache
def targets() -> Mapping[TargetName, TrainingTarget]:
    """Return the targets by name."""
    written = json.loads(FILE.read_text(encoding="utf-8"))["targets"]
    return {name: TrainingTarget.model_validate(each) for name, each in written.items()}


def fallback_order(first: TargetName, allowed: Iterable[TargetName]) -> list[TargetName]:
    """Return `first` and its fallbacks, as far as a recipe allows them.

    Raises:
        BadRecipe: the recipe does not train on `first`.
    """
    may = set(allowed)
    if first not in may:
        raise BadRecipe(f"The recipe does not train on {first!r}; it does on {sorted(may)}.")
    found: list[TargetName] = []
    at: TargetName | None = first
    while at is not None:
        if at in may:
            found.append(at)
        at = targets()[at].fallback
    return found
