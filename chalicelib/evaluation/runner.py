"""Runs the cases of a suite: asks each target, grades what it answers, and asks nothing twice.

Pure over its ports: what answers, what graders ask, and the cache. Errors decide what becomes of an
answer: one that used up a budget, or passes, leaves it not run; any other is the target's failure,
which scores 0. Neither is cached, as another call may go better; both count what was paid for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.batches import ItemError
from chalicelib.contracts.evaluations.graders import PairwisePreference, grader_name
from chalicelib.contracts.evaluations.results import (
    MAX_SHOWN_ANSWER,
    SCORED,
    CaseResult,
    Grade,
    OutcomeStatus,
    SwappedOutcomes,
    TargetAnswer,
    TargetOutcome,
)
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.evaluation.graders.base import GradedSample, GradingServices, Score, make_grade
from chalicelib.evaluation.graders.table import PAID, grade, grader_of
from chalicelib.evaluation.swaps import swapped_cases
from chalicelib.evaluation.texts import whole_text

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import Grading
    from chalicelib.contracts.evaluations.suites import Suite, SuiteCase, Target

NOT_RUN = (QuotaExceeded, Throttled, Transient)
"""Errors that say nothing of the target: the answer or the grade may be asked for again."""
FAILED = (InvalidInput, Unsupported, NotFound, Conflict, ModelFailure)
_CACHE_VERSION = 2
"""Counts changes of what is cached."""


class TargetAnswerer(Protocol):
    """Answers cases."""

    def identity(self, target: Target) -> str:
        """Return a text with all of a target that decides its answers, such as its version's hash.

        Answers are cached under it; "" if they are not to be.

        Raises:
            NotFound: the prompt, its version or the collection does not exist.
        """

    def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
        """Return the answer of a target to a case.

        Raises:
            HeadraceError: there is none. Its `receipt` is what was paid in vain.
        """


class EvaluationCache(Protocol):
    """Answers and grades by the hash of what decides them."""

    def get(self, key: str) -> str | None:
        """Return what is kept under a key, or None."""

    def put(self, key: str, body: str) -> None:
        """Keep `body` under a key."""


@dataclass(slots=True)
class MemoryCache:
    """A cache for one process."""

    kept: dict[str, str] = field(default_factory=dict)

    def get(self, key: str) -> str | None:
        """Return what is kept under a key, or None."""
        return self.kept.get(key)

    def put(self, key: str, body: str) -> None:
        """Keep `body` under a key."""
        self.kept[key] = body


@dataclass(slots=True)
class _Spending:
    """The receipt lines of running one case, and its calls that no cache spared."""

    lines: list[ReceiptLine] = field(default_factory=list)
    asked: int = 0


@dataclass(frozen=True, slots=True)
class _Answered:
    """An answer as it came, or why it was not asked for."""

    answer: TargetAnswer | None
    cached: bool = False
    error: ItemError | None = None


@dataclass(frozen=True, slots=True)
class CaseRunner:
    """Runs cases of one suite.

    `stage` is a hash of what else decides a judgement: the models that may judge, and screening.
    """

    suite: Suite
    answerer: TargetAnswerer
    services: GradingServices
    cache: EvaluationCache
    stage: str = ""

    def run_all(self) -> Iterator[CaseResult]:
        """Yield the results of all cases and repeats, in the suite's order."""
        for case in self.suite.cases:
            for repeat in range(self.suite.repeats):
                yield self.run(case, repeat)

    def run(self, case: SuiteCase, repeat: int) -> CaseResult:
        """Return what becomes of one repeat of a case at every target."""
        spending = _Spending()
        outcomes = self._outcomes(case, repeat, spending)
        swaps = tuple(
            SwappedOutcomes(
                swap=each.swap,
                groups=each.groups,
                group=each.group,
                outcomes=self._outcomes(each.case, repeat, spending),
            )
            for each in swapped_cases(self.suite, case)
        )
        return CaseResult(
            case=case.id,
            repeat=repeat,
            outcomes=outcomes,
            swaps=swaps,
            labels=case.labels if repeat == 0 else {},
            judged=self._judged(case, spending) if repeat == 0 else {},
            receipt=Receipt.of(spending.lines),
            asked=spending.asked,
        )

    def _outcomes(
        self, case: SuiteCase, repeat: int, spending: _Spending
    ) -> tuple[TargetOutcome, ...]:
        answered = {
            target.name: self._answered(target, case, repeat, spending)
            for target in self.suite.targets
        }
        return tuple(self._outcome(name, case, answered, spending) for name in answered)

    def _answered(
        self, target: Target, case: SuiteCase, repeat: int, spending: _Spending
    ) -> _Answered:
        identity = self.answerer.identity(target)
        key = _key("answer", target.kind, identity, case.variables, repeat) if identity else ""
        kept = self.cache.get(key) if key else None
        if kept is not None:
            return _Answered(TargetAnswer.model_validate_json(kept), cached=True)
        spending.asked += 1
        try:
            answer = self.answerer.answer(target, case, repeat)
        except NOT_RUN as error:
            spending.lines += error.receipt.lines if error.receipt else ()
            return _Answered(None, error=_described(error))
        except FAILED as error:
            receipt = error.receipt or Receipt()
            answer = TargetAnswer(receipt=receipt, seconds=error.seconds, error=_described(error))
        answer = _storable(answer)
        spending.lines += answer.receipt.lines
        if key and answer.error is None and answer.repeatable:
            self.cache.put(key, answer.model_dump_json())
        return _Answered(answer, cached=False)

    def _outcome(
        self, name: str, case: SuiteCase, answered: Mapping[str, _Answered], spending: _Spending
    ) -> TargetOutcome:
        mine = answered[name]
        if mine.answer is None:
            return TargetOutcome(target=name, status="not_run", error=mine.error)
        grades: list[Grade] = []
        error = mine.answer.error
        status: OutcomeStatus = "failed" if error else "graded"
        if case.ungraded:
            status = "ungraded"
        for grading in self.suite.graders_of(case):
            try:
                grades.append(self._grade(grading, name, case, answered, spending))
            except NOT_RUN as raised:
                status, error = "not_run", _described(raised, f"grader {grader_name(grading)}: ")
                break
        score, passed = weigh(grades, case.threshold) if status in SCORED else (0.0, False)
        return TargetOutcome(
            target=name,
            status=status,
            answer=mine.answer.text[:MAX_SHOWN_ANSWER],
            error=error,
            score=score,
            passed=passed,
            grades=tuple(grades),
            model=mine.answer.model,
            answered_by=mine.answer.answered_by,
            seconds=mine.answer.seconds,
            dollars=mine.answer.receipt.dollars,
            tokens_in=mine.answer.receipt.tokens_in,
            tokens_out=mine.answer.receipt.tokens_out,
            cached=mine.cached,
        )

    def _grade(
        self,
        grading: Grading,
        name: str,
        case: SuiteCase,
        answered: Mapping[str, _Answered],
        spending: _Spending,
    ) -> Grade:
        answer = answered[name].answer
        assert answer is not None, "an answer that there is not is not graded"
        if answer.error is not None:
            return _failed_grade(grading, f"There is no answer: {answer.error.message}")
        rival = None
        if isinstance(grading, PairwisePreference):
            if grading.against == name:
                return make_grade(grading, Score(0.5), grading.threshold)
            other = answered[grading.against]
            if other.answer is None:
                assert other.error is not None, "what was not asked has a reason"
                raise Transient(f"{grading.against} was not run: {other.error.message}")
            if other.answer.error is not None:
                return make_grade(grading, Score(1.0), grading.threshold)
            rival = other.answer
        return self._cached_grade(grading, GradedSample(case, answer, rival), spending)

    def _cached_grade(self, grading: Grading, sample: GradedSample, spending: _Spending) -> Grade:
        if grading.type not in PAID:
            try:
                return grade(grading, sample, self.services)
            except NOT_RUN:
                raise
            except FAILED as error:
                return _ungraded(grading, error)
        key = _key(
            "grade",
            self.stage,
            grading.model_dump(mode="json"),
            grader_of(grading).version,
            sample.case.variables,
            sample.case.expected,
            (sample.answer.text, sample.answer.sources),
            sample.rival.text if sample.rival else None,
        )
        kept = self.cache.get(key)
        if kept is not None:
            return Grade.model_validate_json(kept).model_copy(update={"cached": True})
        spending.asked += 1
        try:
            made = grade(grading, sample, self.services)
        except NOT_RUN as error:
            spending.lines += error.receipt.lines if error.receipt else ()
            raise
        except FAILED as error:
            made = _ungraded(grading, error)
            spending.lines += made.lines
            return made
        spending.lines += made.lines
        self.cache.put(key, made.model_dump_json())
        return made

    def _judged(self, case: SuiteCase, spending: _Spending) -> dict[str, bool]:
        """Return what judges say of the answer that people labelled; those not run are left out."""
        sample = GradedSample(case, TargetAnswer(text=case.labelled or ""))
        judged: dict[str, bool] = {}
        for grading in self.suite.graders_of(case):
            if grader_name(grading) in case.labels:
                try:
                    judged[grader_name(grading)] = self._cached_grade(
                        grading, sample, spending
                    ).passed
                except NOT_RUN:
                    continue
        return judged


def weigh(grades: Iterable[Grade], threshold: float | None) -> tuple[float, bool]:
    """Return the mean score by weight, and whether the answer passes; (0, False) without weights.

    It passes by its score where there is a threshold, and otherwise if every grade of a weight
    does.
    """
    weighed = [each for each in grades if each.weight]
    total = sum(each.weight for each in weighed)
    if not total:
        return 0.0, False
    score = min(1.0, sum(each.weight * each.score for each in weighed) / total)
    return score, all(each.passed for each in weighed) if threshold is None else score >= threshold


def _failed_grade(grading: Grading, reason: str, paid: tuple[ReceiptLine, ...] = ()) -> Grade:
    """Return the grade of what cannot be graded: it fails, also where it must not match."""
    return make_grade(
        grading.model_copy(update={"negate": False}), Score(0.0, reason, paid), threshold=1.0
    )


def _ungraded(grading: Grading, error: HeadraceError) -> Grade:
    """Return the grade of an answer whose judge failed. It is not cached: the next may not."""
    paid = error.receipt.lines if error.receipt else ()
    return _failed_grade(grading, f"It could not be graded: {error.message}", paid)


def _storable(answer: TargetAnswer) -> TargetAnswer:
    """Return the answer without halves of surrogate pairs, which no file of UTF-8 can hold."""
    whole = {name: whole_text(text) for name, text in answer.outputs.items()}
    return answer.model_copy(update={"text": whole_text(answer.text), "outputs": whole})


def _described(error: HeadraceError, before: str = "") -> ItemError:
    # What running calls reserved may come back, so that it is no end of the budget.
    passes = isinstance(error, QuotaExceeded) and error.reserved
    return ItemError(
        type=Throttled.__name__ if passes else type(error).__name__,
        message=whole_text(f"{before}{error.message}"),
        field=error.field,
        limit=error.limit,
    )


def _key(*parts: object) -> str:
    """Return the key of what `parts` decide: their hash as JSON."""
    text = json.dumps([_CACHE_VERSION, *parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
