"""The grader of numbers, within an absolute or a relative tolerance."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from chalicelib.errors import InvalidInput
from chalicelib.evaluation.graders.base import GradedSample, GradingServices, Score

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import NumericMatch

_NUMBER = re.compile(
    r"(?<![\w.,])[-+\N{MINUS SIGN}]?(?:\d{1,3}(?:,\d{3})++|\d++)(?:\.\d++)?"
    r"(?:[eE][-+]?\d{1,3})?(?![\w]|[.,]\d)"
)
"""A number as it stands in JSON or in English prose, with a comma at each thousand."""


def numbers_in(text: str) -> list[float]:
    """Return the numbers of a text, in order; those within words and dates are left out."""
    return [
        float(found.group().replace(",", "").replace("\N{MINUS SIGN}", "-"))
        for found in _NUMBER.finditer(text)
    ]


@dataclass(frozen=True, slots=True)
class NumericGrader:
    """Compares a number of the answer with the expected one."""

    rule: NumericMatch
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if the number is within a tolerance; without one it has to be equal.

        Raises:
            InvalidInput: the tolerance would divide by 0, or no number is expected.
        """
        expected = self._expected(sample)
        found = numbers_in(sample.answer.text)
        if not found:
            return Score(0.0, "It holds no number.")
        if self.rule.take == "only" and len(found) > 1:
            return Score(0.0, f"It holds {len(found)} numbers, and one is expected.")
        number = found[-1] if self.rule.take == "last" else found[0]
        distance = abs(number - expected)
        if distance <= (self.rule.absolute or 0.0):
            return Score(1.0)
        if self.rule.relative and expected and distance / abs(expected) <= self.rule.relative:
            return Score(1.0)
        return Score(0.0, f"{number:g} is not {expected:g}, but {distance:g} away from it.")

    def _expected(self, sample: GradedSample) -> float:
        expected = self.rule.expected
        if expected is None:
            told = numbers_in(sample.case.expected or "")
            if len(told) != 1:
                raise InvalidInput(
                    f"case {sample.case.id}: {sample.case.expected!r} is not one number.",
                    field="expected",
                )
            (expected,) = told
        if expected == 0 and self.rule.relative and self.rule.absolute is None:
            raise InvalidInput(
                f"case {sample.case.id}: relative divides by the expected number, which is 0; give "
                "absolute instead.",
                field="relative",
            )
        return expected
