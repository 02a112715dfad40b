"""Results of evaluations: answers, grades, statistics and the gate's verdict, as JSON keeps them.

`schema_version` counts changes that a reader has to know about. Fields are only added within one.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.answers import Citation
from chalicelib.contracts.base import Contract
from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.receipts import Dollars, Receipt, ReceiptLine

SCHEMA_VERSION: Literal[1] = 1
MAX_SHOWN_ANSWER = 4_000
"""Characters of an answer that a result shows."""

OutcomeStatus = Literal["graded", "failed", "not_run", "ungraded"]
"""`failed`: the target was asked and gave no answer, which scores 0.
`not_run`: it was not asked, or its answer not graded.
`ungraded`: it was asked, and nothing grades its answer.
"""
SCORED = ("graded", "failed")
"""Statuses of outcomes that have a score."""


class TargetAnswer(Contract):
    """The answer of a target to a case, as it is graded and cached.

    `sources` are the texts that it may rest on. `error` says why there is no answer, of a target
    that was asked and paid for. An answer that is not `repeatable` is by a version of a model that
    may be replaced under its name, and is not cached.
    """

    text: str = ""
    outputs: dict[str, str] = Field(default_factory=dict)
    citations: tuple[Citation, ...] = ()
    sources: tuple[str, ...] = ()
    model: str = ""
    answered_by: str = ""
    seconds: float = Field(default=0.0, ge=0)
    receipt: Receipt = Receipt()
    error: ItemError | None = None
    repeatable: bool = True


class Grade(Contract):
    """The verdict of one grader on one answer. `lines` are what grading itself used."""

    grader: str
    type: str
    score: float = Field(ge=0, le=1)
    passed: bool
    weight: float = 1.0
    reason: str = ""
    lines: tuple[ReceiptLine, ...] = ()
    cached: bool = False


class TargetOutcome(Contract):
    """The outcome of a case at one target: its answer with its grades, or why there is none.

    `score` is the mean of the grades by weight. `cached` says that the answer was there already;
    its receipt is then what it cost once, and not part of the sum.
    """

    target: str
    status: OutcomeStatus
    answer: str = ""
    error: ItemError | None = None
    score: float = Field(default=0.0, ge=0, le=1)
    passed: bool = False
    grades: tuple[Grade, ...] = ()
    model: str = ""
    answered_by: str = ""
    seconds: float = Field(default=0.0, ge=0)
    dollars: Dollars = Decimal(0)
    tokens_in: int = Field(default=0, ge=0)
    tokens_out: int = Field(default=0, ge=0)
    cached: bool = False


class SwappedOutcomes(Contract):
    """The outcomes of a case with one of two groups in the place of the other.

    `group` is the one that the case as it is written speaks of.
    """

    swap: str
    groups: tuple[str, str]
    group: str
    outcomes: tuple[TargetOutcome, ...]


class CaseResult(Contract):
    """The outcomes of one repeat of a case, at every target. `receipt` has what was spent now.

    `judged` are the verdicts of judges on the answer that people labelled, by grader. `swaps` count
    in no score of the case.
    """

    case: str
    repeat: int = Field(default=0, ge=0)
    outcomes: tuple[TargetOutcome, ...]
    labels: dict[str, bool] = Field(default_factory=dict)
    judged: dict[str, bool] = Field(default_factory=dict)
    swaps: tuple[SwappedOutcomes, ...] = ()
    receipt: Receipt = Receipt()
    asked: int = Field(default=0, ge=0)
    """Calls that were made: answers and judgements that no cache had."""

    @property
    def all_outcomes(self) -> tuple[TargetOutcome, ...]:
        """Return the outcomes of the case as it is written, then those of its swaps."""
        return (*self.outcomes, *(one for each in self.swaps for one in each.outcomes))


class ScoreInterval(Contract):
    """A mean with its bootstrap interval; without bounds where there are too few cases for one."""

    mean: float
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=0)


class JudgeAgreement(Contract):
    """How well a judge agrees with people: Cohen's kappa, the plain share, and of how many cases.

    `kappa` is None where one of them gave one verdict only, so that chance explains all.
    """

    kappa: float | None
    share: float
    n: int = Field(ge=1)


class GraderSummary(Contract):
    """The scores of one grader at one target."""

    grader: str
    type: str
    score: ScoreInterval
    pass_rate: float
    agreement: JudgeAgreement | None = None


class TargetSummary(Contract):
    """The scores of one target. Counts are of answers, and `score` is over cases."""

    target: str
    identity: str = ""
    score: ScoreInterval
    pass_rate: float
    graded: int
    failed: int
    not_run: int
    ungraded: int = 0
    graders: tuple[GraderSummary, ...]
    mean_seconds: float = 0.0
    dollars: Dollars = Decimal(0)


class CaseChange(Contract):
    """A case whose score is another one than it was."""

    case: str
    before: float
    after: float


class TargetComparison(Contract):
    """The paired difference of scores, target minus `against`; worst and best cases first."""

    target: str
    against: str
    difference: ScoreInterval
    better: int
    same: int
    worse: int
    worst: tuple[CaseChange, ...] = ()
    best: tuple[CaseChange, ...] = ()


class SwapSummary(Contract):
    """The paired difference of scores of a target, the first of `groups` less the second.

    `changed` of `cases` pass for one group and not for the other; `worst` are the cases whose
    scores are furthest apart, from the second group to the first.
    """

    target: str
    swap: str
    groups: tuple[str, str]
    difference: ScoreInterval
    cases: int
    changed: int
    worst: tuple[CaseChange, ...] = ()


class GateVerdict(Contract):
    """Whether a run passed; `reasons` say why it did not, and `worse` which cases got worse."""

    passed: bool
    reasons: tuple[str, ...] = ()
    worse: tuple[CaseChange, ...] = ()
    baseline: str = ""
    comparisons: tuple[TargetComparison, ...] = ()


class EvaluationResult(Contract):
    """`results.json` of an evaluation."""

    schema_version: Literal[1] = SCHEMA_VERSION
    evaluation_id: str
    suite: str
    suite_sha256: str
    description: str = ""
    created_at: AwareDatetime
    seed: int
    repeats: int
    targets: tuple[TargetSummary, ...]
    comparisons: tuple[TargetComparison, ...] = ()
    swaps: tuple[SwapSummary, ...] = ()
    gate: GateVerdict
    cases: tuple[CaseResult, ...]
    receipt: Receipt
    asked: int = Field(ge=0)
    cached: int = Field(ge=0)
