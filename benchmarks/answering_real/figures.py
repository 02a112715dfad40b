"""Figures of judged questions: shares with their 95 % intervals, in all and by kind of file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from benchmarks.answering_real.judging import Ending, JudgedQuestion
from benchmarks.shares import share

FOUND = 10
"""The passages that an answer is taken from."""
OUTCOMES = ("answered", "nearest", "not_found")


def figures_by_kind(cases: Sequence[JudgedQuestion]) -> dict[str, Any]:
    """Return the figures of a set, and those of each kind of its files."""
    kinds = sorted({case.kind for case in cases})
    by_kind = {kind: figures([case for case in cases if case.kind == kind]) for kind in kinds}
    return {"all": figures(cases), "by kind": by_kind}


def figures(cases: Sequence[JudgedQuestion]) -> dict[str, Any]:
    """Return counts, and the shares that are aimed at with their intervals."""
    asked = [case for case in cases if case.ending is not None]
    near = [case for case in cases if case.ending is None]
    count = len(asked)
    endings = Counter(case.ending for case in asked)
    outcomes = Counter(case.outcome for case in near)
    ranks = [case.rank for case in asked if case.rank is not None]
    return {
        "questions": count,
        "near misses": len(near),
        "endings": {str(ending): endings[ending] for ending in Ending},
        "outcomes of near misses": {each: outcomes[each] for each in OUTCOMES},
        "answered rightly": share(endings[Ending.RIGHT], count),
        "beside the point": share(endings[Ending.BESIDE], count),
        "beside the point, and the answer in the nearest": sum(
            case.ending is Ending.BESIDE and case.in_nearest for case in asked
        ),
        "rightly or in the nearest": share(sum(case.is_seen for case in asked), count),
        "near misses answered": share(outcomes["answered"], len(near)),
        "found in ten": share(sum(rank <= FOUND for rank in ranks), count),
        "found first": share(sum(rank == 1 for rank in ranks), count),
    }
