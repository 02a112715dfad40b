"""The checks that an answer must pass before it is given, by name.

All are pure except those of judges, which ask a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.contracts.receipts import ReceiptLine
from chalicelib.errors import InvalidInput
from chalicelib.generation.check_names import (
    JUDGED_KINDS,
    MAX_SHOWN,
    SELF_CHECK,
    AnswerCheck,
    length_bounds,
    output_schema,
)
from chalicelib.generation.schemas import parse_json, require_schema, schema_violation

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Output


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """The result of a check: if the answer passed, the reason if not, and receipt lines."""

    passed: bool
    reason: str = ""
    lines: tuple[ReceiptLine, ...] = ()


class AnswerJudge(Protocol):
    """Decides a check by asking a model."""

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        """Return the verdict on `output` as an answer to `call`; no verdict counts as a failure."""


PASSED = CheckVerdict(passed=True)


def require_checks(
    checks: Sequence[AnswerCheck], call: Call, judges: Mapping[str, AnswerJudge]
) -> None:
    """Raise `InvalidInput` if `checks` cannot be run, before the answer is paid for.

    Raises:
        InvalidInput: a check has no judge, or a schema of the call is invalid.
    """
    for check in checks:
        if check.kind in JUDGED_KINDS and check.kind != SELF_CHECK:
            _judge(check, judges)
    if call.task != "chat":
        return
    if call.json_output is not None and call.json_output.json_schema is not None:
        require_schema(call.json_output.json_schema, "json_schema")
    for at, tool in enumerate(call.tools):
        if tool.parameters:
            require_schema(tool.parameters, f"tools.{at}.parameters")


def run_checks(
    checks: Sequence[AnswerCheck], call: Call, output: Output, judges: Mapping[str, AnswerJudge]
) -> CheckVerdict:
    """Return the verdict of the first failed check, or a pass, with all receipt lines.

    Raises:
        InvalidInput: a check needs a judge that this stage does not have.
    """
    lines: tuple[ReceiptLine, ...] = ()
    for check in checks:
        if check.kind in JUDGED_KINDS:
            verdict = _judge(check, judges).judge(call, output)
        elif call.task == "chat" and output.task == "chat":
            verdict = _CHECKS[check.kind](check, call, output)
        else:
            raise InvalidInput(f"The check {check.kind} is for chat.", field="checks")
        lines += verdict.lines
        if not verdict.passed:
            return CheckVerdict(passed=False, reason=f"{check.kind}: {verdict.reason}", lines=lines)
    return CheckVerdict(passed=True, lines=lines)


def _judge(check: AnswerCheck, judges: Mapping[str, AnswerJudge]) -> AnswerJudge:
    judge = judges.get(check.kind)
    if judge is None:
        known = ", ".join(sorted(judges)) or "none"
        raise InvalidInput(
            f"This stage has no judge for the check {check.kind}; it has: {known}.", field="checks"
        )
    return judge


def _finish(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    if output.finish == "length":
        return _failed(f"it was cut off at max_tokens, {call.max_tokens}")
    return _failed("it was filtered") if output.finish == "content_filter" else PASSED


def _json(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    return _held(output.text, None)


def _schema(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    return _held(output.text, output_schema(call))


def _tools(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    known = {tool.name: tool for tool in call.tools}
    for tool_call in output.tool_calls:
        tool = known.get(tool_call.name)
        if tool is None:
            return _failed("it calls a tool that there is not")
        verdict = _held(tool_call.arguments or "{}", tool.parameters or None)
        if not verdict.passed:
            return _failed(f"arguments of {tool_call.name}: {verdict.reason}")
    return PASSED


def _held(text: str, schema: Mapping[str, Any] | None) -> CheckVerdict:
    """Return whether `text` is JSON, and valid by `schema` if there is one."""
    try:
        value = parse_json(text)
    except ValueError as error:
        return _failed(f"it is no JSON: {error}")
    reason = "" if schema is None else schema_violation(value, schema)
    return _failed(reason) if reason else PASSED


def _length(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    lowest, highest = length_bounds(check.value)
    count = len(output.text.strip())
    if count < lowest:
        return _failed(f"it has {count} characters, and {lowest} are the fewest")
    if highest is not None and count > highest:
        return _failed(f"it has {count} characters, and {highest} are the most")
    return PASSED


def _contains(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    if check.value.strip().casefold() in output.text.casefold():
        return PASSED
    return _failed(f"it does not say {check.value.strip()[:MAX_SHOWN]!r}")


def _lacks(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    if check.value.strip().casefold() not in output.text.casefold():
        return PASSED
    return _failed(f"it says {check.value.strip()[:MAX_SHOWN]!r}")


def _failed(reason: str) -> CheckVerdict:
    return CheckVerdict(passed=False, reason=reason)


_Pure = Callable[["AnswerCheck", "ChatCall", "ChatOutput"], CheckVerdict]
_CHECKS: Mapping[str, _Pure] = {
    "finish": _finish,
    "json": _json,
    "schema": _schema,
    "tools": _tools,
    "length": _length,
    "contains": _contains,
    "lacks": _lacks,
}
