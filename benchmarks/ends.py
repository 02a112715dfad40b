"""Results of labelled questions by threshold: answered or refused, rightly or wrongly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.shares import share

FLOORS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5)
"""Thresholds of the curve; the product's is 0."""


@dataclass(frozen=True)
class Case:
    """A question, how far above the threshold its answer is, and whether it cites the right source.

    `held_out` means that nothing was tuned by it.
    """

    question: str
    answerable: bool
    margin: float
    right: bool
    held_out: bool = False


def score(cases: Sequence[Case], floor: float = 0.0) -> dict[str, int]:
    """Return the results of the cases if a margin below `floor` is refused."""
    ends = Counter(
        {"answered rightly": 0, "answered wrongly": 0, "refused wrongly": 0, "refused rightly": 0}
    )
    for case in cases:
        if case.margin < floor:
            ends["refused wrongly" if case.answerable else "refused rightly"] += 1
        else:
            ends["answered rightly" if case.right else "answered wrongly"] += 1
    return dict(ends)


def summary(cases: Sequence[Case]) -> dict[str, Any]:
    """Return the figures of one set of questions at the product's threshold."""
    ends = score(cases)
    answerable = sum(case.answerable for case in cases)
    return {
        "answerable": answerable,
        "unanswerable": len(cases) - answerable,
        "ends": ends,
        "answered rightly": share(ends["answered rightly"], answerable),
        "false answers": share(false_answers(cases), len(cases) - answerable),
    }


def false_answers(cases: Sequence[Case], floor: float = 0.0) -> int:
    """Return the number of questions without an answer that are answered anyway."""
    return sum(not case.answerable and case.margin >= floor for case in cases)


def curve(cases: Sequence[Case]) -> list[dict[str, Any]]:
    """Return right answers against false ones at other thresholds."""
    answerable = sum(case.answerable for case in cases)
    return [
        {
            "floor": floor,
            "answered rightly": round(score(cases, floor)["answered rightly"] / answerable, 3),
            "false answers": round(false_answers(cases, floor) / (len(cases) - answerable), 3),
        }
        for floor in FLOORS
    ]
