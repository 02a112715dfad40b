"""What a tuning may choose from: parameters with their ranges and scales. Pure.

A range maps numbers of [0, 1) to values and back, so that whoever chooses sees a cube.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Protocol

Scale = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]
AUTO_LOGARITHMIC = 100.0
"""With the scaling Auto a range above 0 that spans so many times its least value is logarithmic,
any other linear. AWS does not say how it chooses."""


class BadRange(ValueError):  # noqa: N818 - named for what it tells
    """A range that is none; the text says what is wrong."""


class Range(Protocol):
    """The values that one parameter may have."""

    @property
    def name(self) -> str: ...

    def value(self, share: float) -> str:
        """Return the value at a number of [0, 1)."""

    def place(self, value: str) -> list[float]:
        """Return where a value lies, as coordinates from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few texts."""

    name: str
    values: tuple[str, ...]

    def value(self, share: float) -> str:
        """Return one of the values, each for as large a part of [0, 1)."""
        return self.values[int(share * len(self.values))]

    def place(self, value: str) -> list[float]:
        """Return a coordinate for each value, 1 for that one."""
        return [float(each == value) for each in self.values]


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers between two, both included; `whole` ones, or any."""

    name: str
    least: float
    most: float
    whole: bool
    scale: Scale

    def value(self, share: float) -> str:
        """Return the number at a share of the scaled range, with 12 digits."""
        low, high = self._scaled(self.least), self._scaled(self.most + self.whole)
        found = self._unscaled(low + share * (high - low))
        bounded = min(max(math.floor(found) if self.whole else found, self.least), self.most)
        return str(int(bounded)) if self.whole else f"{bounded:.12g}"

    def place(self, value: str) -> list[float]:
        """Return the share of the scaled range at which a number lies."""
        low, high = self._scaled(self.least), self._scaled(self.most)
        return [(self._scaled(float(value)) - low) / (high - low) if high > low else 0.0]

    def _scaled(self, value: float) -> float:
        if self.scale == "Logarithmic":
            return math.log(value)
        return -math.log1p(-value) if self.scale == "ReverseLogarithmic" else value

    def _unscaled(self, value: float) -> float:
        if self.scale == "Logarithmic":
            return math.exp(value)
        return -math.expm1(-value) if self.scale == "ReverseLogarithmic" else value


@dataclass(frozen=True, slots=True)
class Space:
    """Every parameter that is tuned."""

    ranges: tuple[Range, ...]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Space:
        """Read ParameterRanges. Raises BadRange."""
        found: list[Range] = [
            Choice(each["Name"], tuple(each["Values"]))
            for each in given.get("CategoricalParameterRanges", ())
        ]
        for kind, whole in (("IntegerParameterRanges", True), ("ContinuousParameterRanges", False)):
            found += [_span(each, whole=whole) for each in given.get(kind, ())]
        names = [each.name for each in found]
        if not names:
            raise BadRange("A tuning needs a parameter with a range, of one to thirty.")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise BadRange(f"The parameter {twice[0]} has two ranges.")
        return cls(tuple(found))

    @property
    def combinations(self) -> int | None:
        """Return how many there are where each is one of a few; None where there are numbers."""
        if not all(isinstance(each, Choice) for each in self.ranges):
            return None
        return math.prod(len(each.values) for each in self.ranges if isinstance(each, Choice))

    def grid(self) -> Iterator[dict[str, str]]:
        """Yield every combination of what is one of a few, the last parameter fastest."""
        choices = [each for each in self.ranges if isinstance(each, Choice)]
        for values in product(*(each.values for each in choices)):
            yield {each.name: value for each, value in zip(choices, values, strict=True)}

    def at(self, shares: Sequence[float]) -> dict[str, str]:
        """Return the values at a point of the cube, one coordinate a parameter."""
        return {
            each.name: each.value(share) for each, share in zip(self.ranges, shares, strict=True)
        }

    def place(self, values: Mapping[str, str]) -> list[float]:
        """Return where values lie, with a coordinate for each of a choice's."""
        return [at for each in self.ranges for at in each.place(values[each.name])]


def _span(given: Mapping[str, str], *, whole: bool) -> Span:
    name = given["Name"]
    least, most = (_number(given, side, whole=whole) for side in ("MinValue", "MaxValue"))
    if least > most:
        raise BadRange(f"{name}: MinValue {least:g} is above MaxValue {most:g}.")
    wanted = given.get("ScalingType", "Auto")
    if wanted == "Auto":
        wanted = "Logarithmic" if 0 < AUTO_LOGARITHMIC * least <= most else "Linear"
    if wanted == "Logarithmic" and least <= 0:
        raise BadRange(f"{name}: Logarithmic needs a MinValue above 0, and it is {least:g}.")
    if wanted == "ReverseLogarithmic" and (whole or least < 0 or most >= 1):
        raise BadRange(f"{name}: ReverseLogarithmic is for continuous ranges from 0 to below 1.")
    return Span(name, least, most, whole, wanted)  # type: ignore[arg-type]


def _number(given: Mapping[str, str], side: str, *, whole: bool) -> float:
    text = given[side]
    try:
        value = float(int(text)) if whole else float(text)
    except (ValueError, OverflowError) as error:
        kind = "a whole number" if whole else "a number"
        raise BadRange(f"{given['Name']}: {side} is {text!r} and has to be {kind}.") from error
    if not math.isfinite(value):
        raise BadRange(f"{given['Name']}: {side} is {text!r} and has to be finite.")
    return value
