"""The interface of graders: a sample, a grade, and the services that some of them ask."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from chalicelib.contracts.evaluations.graders import grader_name
from chalicelib.contracts.evaluations.results import Grade
from chalicelib.evaluation.texts import whole_text

if TYPE_CHECKING:
    from chalicelib.contracts.answers import Citation
    from chalicelib.contracts.evaluations.graders import Grading
    from chalicelib.contracts.evaluations.results import TargetAnswer
    from chalicelib.contracts.evaluations.suites import SuiteCase
    from chalicelib.contracts.functions.check_support import ClaimVerdict
    from chalicelib.contracts.generations import ChatCall
    from chalicelib.contracts.receipts import ReceiptLine
    from chalicelib.contracts.screening import Category, Finding

MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class GradedSample:
    """An answer with its case. `rival` is the answer that a pairwise grader compares it with."""

    case: SuiteCase
    answer: TargetAnswer
    rival: TargetAnswer | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """A score from 0 to 1, why it is no better, and what was used to find it."""

    value: float
    reason: str = ""
    lines: tuple[ReceiptLine, ...] = ()


@dataclass(frozen=True, slots=True)
class JudgeReply:
    """The text of a judging model, and what it cost."""

    text: str
    lines: tuple[ReceiptLine, ...] = ()


class JudgeService(Protocol):
    """A model that judges."""

    def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
        """Return the reply of a model to `call`."""


class GradingServices(JudgeService, Protocol):
    """Services that graders ask: a model, the embedder, the checks and the pages.

    All of them raise errors of `chalicelib.errors`; `QuotaExceeded`, `Throttled` and `Transient`
    leave an answer without its grade, which is then not run.
    """

    def embed(
        self, texts: Sequence[str]
    ) -> tuple[Sequence[Sequence[float]], tuple[ReceiptLine, ...]]:
        """Return the vectors of `texts`, in order, and what that cost."""

    def support(
        self, question: str, claims: Sequence[str], sources: Sequence[str]
    ) -> tuple[Sequence[ClaimVerdict], tuple[ReceiptLine, ...]]:
        """Return whether the sources support each claim, in order, and what that cost."""

    def screen(
        self, text: str, categories: Sequence[Category], least: float
    ) -> tuple[Finding, ...]:
        """Return what is found in a text that a model wrote."""

    def quoted_text(self, citation: Citation) -> str | None:
        """Return the characters of the page that a citation names, None if they are not there."""


class Grader(Protocol):
    """Scores answers by what its declaration says.

    `version` counts changes of what a grader makes of the same answer; grades that cost something
    are cached under it.
    """

    version: ClassVar[int]

    def score(self, sample: GradedSample, services: GradingServices) -> Score:
        """Return the score of an answer; errors of the services pass through."""


def make_grade(grading: Grading, score: Score, threshold: float) -> Grade:
    """Return the grade of a score. A score that is not a number fails, and so does its opposite."""
    if not math.isfinite(score.value):
        return _grade(grading, 0.0, "The score is not a number.", score, passed=False)
    value = min(1.0, max(0.0, score.value))
    passed = value >= threshold
    reason = "" if passed else score.reason
    if grading.negate:
        value, passed = 1.0 - value, not passed
        reason = "" if passed else f"It is what it must not be: {grading.type}."
    return _grade(grading, value, reason, score, passed=passed)


def _grade(grading: Grading, value: float, reason: str, score: Score, *, passed: bool) -> Grade:
    return Grade(
        grader=grader_name(grading),
        type=grading.type,
        score=value,
        passed=passed,
        weight=grading.weight,
        reason=whole_text(reason[:MAX_REASON]),
        lines=score.lines,
    )


def expected_text(sample: GradedSample, own: str | None) -> str:
    """Return what a grader expects: its own text, or that of the case."""
    return own if own is not None else sample.case.expected or ""
