"""Worked cases for few-shot examples: what a suite expects, or what the prompt itself got right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.contracts.evaluations.results import TargetAnswer, TargetOutcome
from chalicelib.contracts.evaluations.suites import Suite, SuiteCase
from chalicelib.evaluation.graders.base import GradedSample, GradingServices
from chalicelib.evaluation.graders.table import PAID, grade
from chalicelib.evaluation.runner import weigh
from cli.prompts.optimiser.proposals import WorkedCase


def worked_cases(
    suite: Suite,
    cases: Sequence[SuiteCase],
    outcomes: Sequence[TargetOutcome],
    services: GradingServices,
) -> tuple[WorkedCase, ...]:
    """Return the cases that have an answer which the graders pass, in order.

    The expected answer goes before the model's own. Graders that cost something are not asked
    about an expected one.
    """
    return tuple(_worked(suite, cases, outcomes, services))


def _worked(
    suite: Suite,
    cases: Sequence[SuiteCase],
    outcomes: Sequence[TargetOutcome],
    services: GradingServices,
) -> Iterator[WorkedCase]:
    for case, outcome in zip(cases, outcomes, strict=True):
        if case.expected and _passes(suite, case, case.expected, services):
            yield WorkedCase(case, case.expected)
        elif outcome.passed and outcome.answer.strip():
            yield WorkedCase(case, outcome.answer)


def _passes(suite: Suite, case: SuiteCase, text: str, services: GradingServices) -> bool:
    gradings = suite.graders_of(case)
    if any(grading.type in PAID for grading in gradings):
        return False
    sample = GradedSample(case, TargetAnswer(text=text))
    return weigh([grade(each, sample, services) for each in gradings], case.threshold)[1]
