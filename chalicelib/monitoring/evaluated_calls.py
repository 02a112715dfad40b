"""The answers of an evaluation as calls, of which the baseline of a version can be made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.evaluations.suites import AskTarget, ModelTarget, RecordedTarget
from chalicelib.contracts.receipts import nanodollars
from chalicelib.errors import InvalidInput
from chalicelib.jobs.ulids import ulid_of
from chalicelib.retrieval.text.language import detect_language

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.contracts.evaluations.results import EvaluationResult, TargetOutcome
    from chalicelib.contracts.evaluations.suites import Suite, SuiteCase, Target

LEAST_ANSWERS = 30
"""The fewest answers of which a baseline is made: fewer are compared with nothing."""
EVALUATED_FEATURES = frozenset(
    {"input length", "output length", "latency", "cost", "language", "failed"}
)
"""The features of calls that evaluations tell, beside what embeddings add."""
_LANGUAGE_CHARACTERS = 2_000


def evaluated_calls(
    result: EvaluationResult, suite: Suite, target: str, subject: CaptureSubject, version: str
) -> tuple[CapturedCall, ...]:
    """Return the answers of one target of an evaluation as calls of a subject's version.

    Args:
        result: The results of the evaluation.
        suite: Its suite, which has what was asked.
        target: The name of the target, "" for the only one.
        subject: The subject.
        version: The version that answered.

    Raises:
        InvalidInput: there is no such target, or it has fewer than `LEAST_ANSWERS` answers.
    """
    named = [each for each in suite.targets if target in ("", each.name)]
    if len(named) != 1:
        names = ", ".join(each.name for each in suite.targets)
        raise InvalidInput(
            f"Evaluation {result.evaluation_id} has the targets {names}; name one of them.",
            field="work.baseline.target",
        )
    calls = tuple(_calls(result, suite, named[0], subject, version))
    if len(calls) < LEAST_ANSWERS:
        raise InvalidInput(
            f"Evaluation {result.evaluation_id} has {len(calls)} answers of {named[0].name}; a "
            f"baseline is made of at least {LEAST_ANSWERS}. Add cases or repeats.",
            field="work.baseline.evaluation",
            limit=str(LEAST_ANSWERS),
        )
    return calls


def _calls(
    result: EvaluationResult, suite: Suite, target: Target, subject: CaptureSubject, version: str
) -> Iterator[CapturedCall]:
    cases = {case.id: case for case in suite.cases}
    for answered in result.cases:
        for outcome in answered.outcomes:
            if outcome.target != target.name or outcome.status == "not_run":
                continue
            request, asked = _request(target, cases[answered.case], subject)
            failed = outcome.status == "failed"
            yield CapturedCall(
                id=ulid_of(result.created_at, f"{answered.case}/{answered.repeat}"),
                subject=subject,
                version=version,
                created_at=result.created_at,
                outcome="error" if failed else "ok",
                error_type=_error_type(outcome),
                latency_ms=round(outcome.seconds * 1_000),
                nanodollars=nanodollars(outcome.dollars),
                language=detect_language(asked[:_LANGUAGE_CHARACTERS]),
                input_characters=len(asked),
                output_characters=len(outcome.answer),
                input=json.dumps(request),
                output=None if failed else outcome.answer,
            )


def _error_type(outcome: TargetOutcome) -> str:
    return outcome.error.type if outcome.error is not None else ""


def _input_text(value: JsonValue) -> str:
    """Return a text, or what the messages of a conversation say."""
    if not isinstance(value, list):
        return str(value)
    said = [str(each.get("content", "")) for each in value if isinstance(each, dict)]
    return "\n".join(said)


def _request(
    target: Target, case: SuiteCase, subject: CaptureSubject
) -> tuple[dict[str, JsonValue], str]:
    """Return what a target was asked, as captured calls of the subject hold it, and its text."""
    match target:
        case AskTarget():
            text = str(case.variables.get(target.question, ""))
        case ModelTarget() | RecordedTarget():
            text = _input_text(case.variables.get(target.input, ""))
        case _:
            texts = [value for value in case.variables.values() if isinstance(value, str)]
            text = "\n".join(texts)
    match subject.kind:
        case "prompt":
            return {"variables": dict(case.variables)}, text
        case "model":
            return {"call": {"prompt": text}}, text
        case "retrieval":
            return {"question": text}, text
