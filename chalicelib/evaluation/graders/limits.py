"""Graders of what an answer took: dollars and seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from chalicelib.evaluation.graders.base import GradedSample, GradingServices, Score

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import CostLimit, LatencyLimit


@dataclass(frozen=True, slots=True)
class CostGrader:
    """Compares what an answer cost with a limit."""

    rule: CostLimit
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if it cost no more than the limit."""
        cost, most = sample.answer.receipt.dollars, self.rule.max_dollars
        return (
            Score(1.0) if cost <= most else Score(0.0, f"It cost ${cost:f}, more than ${most:f}.")
        )


@dataclass(frozen=True, slots=True)
class LatencyGrader:
    """Compares how long an answer took with a limit; a cached one took what it took when asked."""

    rule: LatencyLimit
    version: ClassVar[int] = 1

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return 1 if it took no longer than the limit."""
        took, most = sample.answer.seconds, self.rule.max_seconds
        return (
            Score(1.0) if took <= most else Score(0.0, f"It took {took:g} s, more than {most:g}.")
        )
