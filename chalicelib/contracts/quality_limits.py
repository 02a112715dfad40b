"""The limits of the quality gate of preference data, and their defaults: the one place of both."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """The limits of the quality gate before training on preference data.

    Attributes:
        min_pairs: Pairs, at the least.
        max_contradictory: The share of comparisons whose sources contradict each other.
        min_alpha: Krippendorff's alpha of each task; 0 asks for none.
        min_gold_accuracy: The share of gold labels of each task that are right, by the lower end of
            its 95 % interval; 0 asks for no gold items.
    """

    min_pairs: int = 100
    max_contradictory: float = 0.1
    min_alpha: float = 0.4
    min_gold_accuracy: float = 0.8


DEFAULT_LIMITS = QualityLimits()
