"""Hyperparameter ranges and the search space that they span. Pure.

A range maps numbers in [0, 1) to values and back, so that strategies search a unit cube.
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, Protocol

Scale = Literal["Linear", "Logarithmic", "ReverseLogarithmic"]
MIN_LOGARITHMIC_RATIO = 100.0
"""With ScalingType Auto, a positive range whose maximum is at least so many times its minimum is
logarithmic, any other linear. AWS does not document its own rule."""


class InvalidRange(ValueError):  # noqa: N818 - named for what it tells
    """Raised for a range that is not valid; the text says why."""


class ParameterRange(Protocol):
    """The values that one hyperparameter may have."""

    @property
    def name(self) -> str: ...

    def value_at(self, fraction: float) -> str:
        """Return the value at a number in [0, 1)."""

    def coordinates(self, value: str) -> list[float]:
        """Return the coordinates of a value, each from 0 to 1."""


@dataclass(frozen=True, slots=True)
class CategoricalRange:
    """A categorical hyperparameter."""

    name: str
    values: tuple[str, ...]

    def value_at(self, fraction: float) -> str:
        """Return one of the values, each of which has an equal part of [0, 1)."""
        return self.values[int(fraction * len(self.values))]

    def coordinates(self, value: str) -> list[float]:
        """Return the one-hot encoding of a value."""
        return [float(each == value) for each in self.values]


@dataclass(frozen=True, slots=True)
class NumericRange:
    """An integer or continuous hyperparameter between two numbers, both included."""

    name: str
    minimum: float
    maximum: float
    is_integer: bool
    scale: Scale

    def value_at(self, fraction: float) -> str:
        """Return the number at a fraction of the scaled range, with 12 digits."""
        low, high = self._scaled(self.minimum), self._scaled(self.maximum + self.is_integer)
        value = self._unscaled(low + fraction * (high - low))
        bounded = min(
            max(math.floor(value) if self.is_integer else value, self.minimum), self.maximum
        )
        return str(int(bounded)) if self.is_integer else f"{bounded:.12g}"

    def coordinates(self, value: str) -> list[float]:
        """Return the fraction of the scaled range at which a number lies."""
        low, high = self._scaled(self.minimum), self._scaled(self.maximum)
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
class SearchSpace:
    """The ranges of all hyperparameters that are tuned."""

    ranges: tuple[ParameterRange, ...]

    @classmethod
    def from_ranges(cls, parameter_ranges: Mapping[str, Any]) -> SearchSpace:
        """Parse ParameterRanges. Raises InvalidRange."""
        ranges: list[ParameterRange] = [
            CategoricalRange(each["Name"], tuple(each["Values"]))
            for each in parameter_ranges.get("CategoricalParameterRanges", ())
        ]
        for kind, whole in (("IntegerParameterRanges", True), ("ContinuousParameterRanges", False)):
            ranges += [
                _numeric_range(each, is_integer=whole) for each in parameter_ranges.get(kind, ())
            ]
        names = [each.name for each in ranges]
        if not names:
            raise InvalidRange("A tuning job needs at least one parameter with a range.")
        if duplicates := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidRange(f"The parameter {duplicates[0]} has two ranges.")
        return cls(tuple(ranges))

    @property
    def combinations(self) -> int | None:
        """The number of combinations, or None if a range is numeric."""
        if not all(isinstance(each, CategoricalRange) for each in self.ranges):
            return None
        return math.prod(
            len(each.values) for each in self.ranges if isinstance(each, CategoricalRange)
        )

    def grid(self) -> Iterator[dict[str, str]]:
        """Yield all combinations of the categorical values; the last parameter varies fastest."""
        choices = [each for each in self.ranges if isinstance(each, CategoricalRange)]
        for values in product(*(each.values for each in choices)):
            yield {each.name: value for each, value in zip(choices, values, strict=True)}

    def settings_at(self, point: Sequence[float]) -> dict[str, str]:
        """Return the settings at a point of the unit cube, with one coordinate a parameter."""
        return {
            each.name: each.value_at(fraction)
            for each, fraction in zip(self.ranges, point, strict=True)
        }

    def coordinates(self, values: Mapping[str, str]) -> list[float]:
        """Return the coordinates of settings; a categorical value has one for each alternative."""
        return [at for each in self.ranges for at in each.coordinates(values[each.name])]


def _numeric_range(given: Mapping[str, str], *, is_integer: bool) -> NumericRange:
    name = given["Name"]
    minimum, maximum = (
        _number(given, side, is_integer=is_integer) for side in ("MinValue", "MaxValue")
    )
    if minimum > maximum:
        raise InvalidRange(f"{name}: MinValue {minimum:g} is above MaxValue {maximum:g}.")
    scale = given.get("ScalingType", "Auto")
    if scale == "Auto":
        scale = "Logarithmic" if 0 < MIN_LOGARITHMIC_RATIO * minimum <= maximum else "Linear"
    if scale == "Logarithmic" and minimum <= 0:
        raise InvalidRange(f"{name}: Logarithmic needs a MinValue above 0, and it is {minimum:g}.")
    if scale == "ReverseLogarithmic" and (is_integer or minimum < 0 or maximum >= 1):
        raise InvalidRange(
            f"{name}: ReverseLogarithmic is for continuous ranges from 0 to below 1."
        )
    return NumericRange(name, minimum, maximum, is_integer, scale)  # type: ignore[arg-type]


def _number(given: Mapping[str, str], side: str, *, is_integer: bool) -> float:
    text = given[side]
    try:
        value = float(int(text)) if is_integer else float(text)
    except (ValueError, OverflowError) as error:
        kind = "a whole number" if is_integer else "a number"
        raise InvalidRange(f"{given['Name']}: {side} is {text!r} and has to be {kind}.") from error
    if not math.isfinite(value):
        raise InvalidRange(f"{given['Name']}: {side} is {text!r} and has to be finite.")
    return value
