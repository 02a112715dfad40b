"""JUnit XML of an evaluation, as servers of continuous integration read it.

A suite a target, a test a repeat of a case, and a last suite for the gate: `failure` says which
graders failed, `error` that the target gave no answer, `skipped` that it was not asked or not
graded. The form is that of https://github.com/testmoapp/junitxml.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from chalicelib.contracts.evaluations.results import (
        CaseResult,
        EvaluationResult,
        TargetOutcome,
    )

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 cannot hold, escaped or not. https://www.w3.org/TR/xml/#charsets"""
GATE = "gate"


def junit_xml(result: EvaluationResult) -> str:
    """Return the report as XML."""
    suites = [
        _suite(target.target, list(_outcomes(result, target.target))) for target in result.targets
    ]
    suites.append(_gate(result))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites name={_quoted(result.suite)}>\n{''.join(suites)}</testsuites>\n"
    )


def _outcomes(result: EvaluationResult, target: str) -> Iterator[tuple[CaseResult, TargetOutcome]]:
    for case in result.cases:
        for outcome in case.outcomes:
            if outcome.target == target:
                yield case, outcome


def _suite(target: str, outcomes: list[tuple[CaseResult, TargetOutcome]]) -> str:
    states = [_state(outcome) for _, outcome in outcomes]
    seconds = sum(outcome.seconds for _, outcome in outcomes)
    head = (
        f"  <testsuite name={_quoted(target)} tests={_quoted(len(states))} "
        f"failures={_quoted(states.count('failure'))} errors={_quoted(states.count('error'))} "
        f"skipped={_quoted(states.count('skipped'))} time={_quoted(f'{seconds:.3f}')}>\n"
    )
    return f"{head}{''.join(_case(target, *each) for each in outcomes)}  </testsuite>\n"


def _case(target: str, case: CaseResult, outcome: TargetOutcome) -> str:
    name = f"{case.case} #{case.repeat + 1}" if case.repeat else case.case
    head = (
        f"    <testcase classname={_quoted(target)} name={_quoted(name)} "
        f"time={_quoted(f'{outcome.seconds:.3f}')}"
    )
    state = _state(outcome)
    if not state:
        return f"{head}/>\n"
    message = outcome.error.message if outcome.error else f"score {outcome.score:.3f}"
    if outcome.status == "ungraded":
        message = "it is not graded"
    failed = [each for each in outcome.grades if not each.passed]
    body = "\n".join(f"{each.grader}: {each.score:.3f}. {each.reason}" for each in failed)
    return f"{head}>\n{_verdict(state, message, body)}    </testcase>\n"


def _gate(result: EvaluationResult) -> str:
    gate = result.gate
    failures = 0 if gate.passed else 1
    head = (
        f'  <testsuite name="{GATE}" tests="1" failures="{failures}" errors="0" skipped="0" '
        f'time="0.000">\n    <testcase classname="{GATE}" name={_quoted(result.suite)} time="0.000"'
    )
    if gate.passed:
        return f"{head}/>\n  </testsuite>\n"
    body = _verdict("failure", gate.reasons[0], "\n".join(gate.reasons))
    return f"{head}>\n{body}    </testcase>\n  </testsuite>\n"


def _verdict(state: str, message: str, body: str) -> str:
    return f"      <{state} message={_quoted(message)}>{_escaped(body)}</{state}>\n"


def _state(outcome: TargetOutcome) -> str:
    if outcome.status in ("not_run", "ungraded"):
        return "skipped"
    if outcome.status == "failed":
        return "error"
    return "" if outcome.passed else "failure"


def _quoted(value: object) -> str:
    return quoteattr(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value)))


def _escaped(text: str) -> str:
    return escape(_FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text))
