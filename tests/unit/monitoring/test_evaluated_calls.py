"""The answers of an evaluation as the baseline of a version."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.evaluations.results import (
    CaseResult,
    EvaluationResult,
    GateVerdict,
    TargetOutcome,
)
from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import InvalidInput
from chalicelib.monitoring.evaluated_calls import evaluated_calls
from chalicelib.monitoring.features import asked_text

RETRIEVAL = CaptureSubject(kind="retrieval", name="manuals")
PROMPT = CaptureSubject(kind="prompt", name="faq")
SUITE = Suite.model_validate(
    {
        "name": "s",
        "targets": [{"kind": "ask", "name": "ask"}, {"kind": "model", "name": "small"}],
        "graders": [{"type": "contains", "any": ["b"]}],
        "cases": [
            {"id": f"c{n}", "variables": {"question": f"Where is pump {n}?", "input": "Hi."}}
            for n in range(20)
        ],
    }
)


AT = datetime(2026, 11, 30, tzinfo=UTC)


def result(repeats: int = 2, status: str = "graded", created_at: datetime = AT) -> EvaluationResult:
    outcome = {
        "target": "ask",
        "status": status,
        "answer": "In the weir.",
        "seconds": 1.5,
        "dollars": Decimal("0.000001"),
    }
    return EvaluationResult(
        evaluation_id="e",
        suite="s",
        suite_sha256="0",
        created_at=created_at,
        seed=0,
        repeats=repeats,
        targets=(),
        gate=GateVerdict(passed=True),
        cases=tuple(
            CaseResult(
                case=f"c{n}",
                repeat=repeat,
                outcomes=(TargetOutcome.model_validate(outcome),),
            )
            for n in range(20)
            for repeat in range(repeats)
        ),
        receipt=Receipt(),
        asked=0,
        cached=0,
    )


def calls(subject: CaptureSubject = RETRIEVAL, repeats: int = 2) -> tuple[CapturedCall, ...]:
    return evaluated_calls(result(repeats), SUITE, "ask", subject, "4")


def test_answers_should_be_calls_of_the_version() -> None:
    found = calls()
    assert len({call.id for call in found}) == 40
    first = found[0]
    assert (first.version, first.outcome, first.latency_ms) == ("4", "ok", 1_500)
    assert (first.nanodollars, first.output, first.language) == (1_000, "In the weir.", "en")
    assert asked_text(first) == "Where is pump 0?"
    assert set(json.loads(calls(PROMPT)[0].input or "")["variables"]) == {"question", "input"}


def test_a_conversation_should_be_what_its_messages_say() -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Which pump?"}]
    case = SUITE.cases[0].model_copy(update={"variables": {"input": turns}})
    cases = tuple(case.model_copy(update={"id": each.id}) for each in SUITE.cases)
    suite = SUITE.model_copy(update={"targets": SUITE.targets[1:], "cases": cases})
    renamed = result().model_dump_json().replace('"target":"ask"', '"target":"small"')
    found = EvaluationResult.model_validate_json(renamed)
    model = CaptureSubject(kind="model", name="small")
    assert asked_text(evaluated_calls(found, suite, "small", model, "4")[0]) == (
        "Be brief.\nWhich pump?"
    )


def test_answers_that_failed_should_be_errors_and_those_not_asked_for_no_calls() -> None:
    failed = evaluated_calls(result(status="failed"), SUITE, "ask", RETRIEVAL, "4")
    assert {call.outcome for call in failed} == {"error"}
    with pytest.raises(InvalidInput, match="has 0 answers of ask"):
        evaluated_calls(result(status="not_run"), SUITE, "ask", RETRIEVAL, "4")


def test_too_few_answers_and_unknown_targets_should_be_refused() -> None:
    with pytest.raises(InvalidInput, match=r"has 20 answers of ask; .* at least 30") as raised:
        calls(repeats=1)
    assert raised.value.field == "work.baseline.evaluation"
    for target in ("", "other"):
        with pytest.raises(InvalidInput, match="has the targets ask, small; name one"):
            evaluated_calls(result(), SUITE, target, RETRIEVAL, "4")
