"""Compares the answers of both arms by the pairwise judge of evaluations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import JsonValue

from chalicelib.contracts.evaluations.graders import PairwisePreference
from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.evaluation.graders.base import GradedSample, JudgeService
from chalicelib.evaluation.graders.judgement import NO_VERDICT, PairwiseGrader

if TYPE_CHECKING:
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.rollouts.shadow import Preference

_TIE = 0.5


def _default_rule() -> PairwisePreference:
    return PairwisePreference(type="pairwise", against="live")


@dataclass(frozen=True, slots=True)
class PairwiseShadowJudge:
    """Asks a model which answer is better, in both orders; a change with the order is a tie."""

    judge: JudgeService
    rule: PairwisePreference = field(default_factory=_default_rule)

    def prefer(
        self, given: Mapping[str, JsonValue], live: str, candidate: str
    ) -> tuple[Preference | None, str, tuple[ReceiptLine, ...]]:
        """Return whose answer is better, None without a verdict; why; and what that cost."""
        asked = json.dumps(given, ensure_ascii=False)
        sample = GradedSample(
            SuiteCase(id="shadow", variables={"request": asked}),
            TargetAnswer(text=candidate),
            TargetAnswer(text=live),
        )
        score = PairwiseGrader(self.rule).score(sample, self.judge)
        if score.value > _TIE:
            return "candidate", score.reason, score.lines
        if score.value == _TIE:
            return "tie", score.reason, score.lines
        if score.reason == NO_VERDICT:
            return None, score.reason, score.lines
        return "live", score.reason, score.lines
