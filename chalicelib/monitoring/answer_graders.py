"""Which graders can grade a captured answer: the API checks it before it stores a watch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.contracts.evaluations.graders import PairwisePreference
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import WatchJudging


def check_judging(judging: WatchJudging) -> None:
    """Raise `InvalidInput` for graders that cannot grade an answer that was given before."""
    for grading in judging.graders:
        if isinstance(grading, PairwisePreference):
            raise InvalidInput(
                "A captured answer has none to be preferred to; use a rubric.",
                field="work.judge.graders",
            )
