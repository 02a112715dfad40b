"""What an answer must stand before it is given, run on the answer; `check_names` names them.

All but the judges' checks are pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.contracts.receipts import ReceiptLine
from chalicelib.errors import InvalidInput
from chalicelib.generation.check_names import JUDGED, SELF, SHOWN, Check, bounds, schema_of
from chalicelib.generation.structured import check_schema, fault, value_of

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Output


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an answer stands, why it does not, and what it cost to find out."""

    passed: bool
    reason: str = ""
    lines: tuple[ReceiptLine, ...] = ()


class Judge(Protocol):
    """Answers a check that takes a model."""

    def judge(self, call: Call, output: Output) -> Verdict:
        """Return whether `output` stands as an answer to `call`; what cannot be judged does not."""


PASSED = Verdict(passed=True)


def require(checks: Sequence[Check], call: Call, judges: Mapping[str, Judge]) -> None:
    """See that an answer can be held to `checks`, before it is paid for.

    Raises:
        InvalidInput: there is no judge for one, or a schema of the call is none.
    """
    for check in checks:
        if check.kind in JUDGED and check.kind != SELF:
            _judge(check, judges)
    if call.task != "chat":
        return
    if call.json_output is not None and call.json_output.json_schema is not None:
        check_schema(call.json_output.json_schema, "json_schema")
    for at, tool in enumerate(call.tools):
        if tool.parameters:
            check_schema(tool.parameters, f"tools.{at}.parameters")


def run(
    checks: Sequence[Check], call: Call, output: Output, judges: Mapping[str, Judge]
) -> Verdict:
    """Return the verdict of the first check that fails, or that all passed, with what all of them
    cost.

    Raises:
        InvalidInput: a check takes a judge that this stage has not.
    """
    lines: tuple[ReceiptLine, ...] = ()
    for check in checks:
        if check.kind in JUDGED:
            verdict = _judge(check, judges).judge(call, output)
        elif call.task == "chat" and output.task == "chat":
            verdict = _CHECKS[check.kind](check, call, output)
        else:
            raise InvalidInput(f"The check {check.kind} is for chat.", field="checks")
        lines += verdict.lines
        if not verdict.passed:
            return Verdict(passed=False, reason=f"{check.kind}: {verdict.reason}", lines=lines)
    return Verdict(passed=True, lines=lines)


def _judge(check: Check, judges: Mapping[str, Judge]) -> Judge:
    judge = judges.get(check.kind)
    if judge is None:
        there = ", ".join(sorted(judges)) or "none"
        raise InvalidInput(
            f"This stage has no judge for the check {check.kind}; it has: {there}.", field="checks"
        )
    return judge


def _finish(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    if output.finish == "length":
        return _failed(f"it was cut off at max_tokens, {call.max_tokens}")
    return _failed("it was filtered") if output.finish == "content_filter" else PASSED


def _json(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    return _held(output.text, None)


def _schema(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    return _held(output.text, schema_of(call))


def _tools(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    known = {tool.name: tool for tool in call.tools}
    for wanted in output.tool_calls:
        tool = known.get(wanted.name)
        if tool is None:
            return _failed("it calls a tool that there is not")
        verdict = _held(wanted.arguments or "{}", tool.parameters or None)
        if not verdict.passed:
            return _failed(f"arguments of {wanted.name}: {verdict.reason}")
    return PASSED


def _held(text: str, schema: Mapping[str, Any] | None) -> Verdict:
    """Return whether `text` is JSON, and keeps to `schema` where there is one."""
    try:
        value = value_of(text)
    except ValueError as error:
        return _failed(f"it is no JSON: {error}")
    reason = "" if schema is None else fault(value, schema)
    return _failed(reason) if reason else PASSED


def _length(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    least, most = bounds(check.value)
    count = len(output.text.strip())
    if count < least:
        return _failed(f"it has {count} characters, and {least} are the fewest")
    if most is not None and count > most:
        return _failed(f"it has {count} characters, and {most} are the most")
    return PASSED


def _contains(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    if check.value.strip().casefold() in output.text.casefold():
        return PASSED
    return _failed(f"it does not say {check.value.strip()[:SHOWN]!r}")


def _lacks(check: Check, call: ChatCall, output: ChatOutput) -> Verdict:
    if check.value.strip().casefold() not in output.text.casefold():
        return PASSED
    return _failed(f"it says {check.value.strip()[:SHOWN]!r}")


def _failed(reason: str) -> Verdict:
    return Verdict(passed=False, reason=reason)


_Pure = Callable[["Check", "ChatCall", "ChatOutput"], Verdict]
_CHECKS: Mapping[str, _Pure] = {
    "finish": _finish,
    "json": _json,
    "schema": _schema,
    "tools": _tools,
    "length": _length,
    "contains": _contains,
    "lacks": _lacks,
}
