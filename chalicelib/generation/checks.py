"""The checks that an answer must pass before it is given, by name.

All are pure but those of judges, which ask a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.contracts.receipts import ReceiptLine
from chalicelib.errors import InvalidInput
from chalicelib.generation.schemas import parse_json, require_schema, schema_violation

if TYPE_CHECKING:
    from chalicelib.contracts.generations import Call, ChatCall, ChatOutput, Output


MAX_CHECKS = 8


SELF_CHECK = "self-check"


JUDGED_KINDS = ("supported", "moderated", SELF_CHECK)


JSON_KINDS = ("json", "schema", "tools")
"""Checks that an answer which was cut off always fails."""


_PLAIN = ("finish", "json", "schema", "tools")


_WITH_VALUE = ("length", "contains", "lacks")


_LENGTH = re.compile(r"(\d{0,7})\.\.(\d{0,7})")


MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class AnswerCheck:
    """One check; `value` is the text behind the colon of its name."""

    kind: str
    value: str = ""


def parse_checks(names: Sequence[str], call: Call) -> tuple[AnswerCheck, ...]:
    """Return the named checks, those of judges last.

    Raises:
        InvalidInput: there are too many, or one is not known, malformed, or not for such a call.
    """
    if len(names) > MAX_CHECKS:
        raise InvalidInput(
            f"There are {len(names)} checks; give {MAX_CHECKS} at most.",
            field="checks",
            limit=str(MAX_CHECKS),
        )
    found = [_parsed(name, call) for name in names]
    return tuple(sorted(found, key=lambda check: check.kind in JUDGED_KINDS))


def _parsed(name: str, call: Call) -> AnswerCheck:
    kind, colon, value = name.partition(":")
    known = (*_PLAIN, *(f"{kind}:…" for kind in _WITH_VALUE), *JUDGED_KINDS)
    if (kind in _WITH_VALUE) != bool(colon) or kind not in (*_PLAIN, *_WITH_VALUE, *JUDGED_KINDS):
        raise InvalidInput(
            f"No check is called {name[:MAX_SHOWN]!r}. There are: {', '.join(known)}.",
            field="checks",
        )
    if colon and not value.strip():
        raise InvalidInput(f"The check {kind} has nothing behind its colon.", field="checks")
    if kind == "length":
        length_bounds(value)
    if call.task != "chat" and not (call.task == "image" and kind == "moderated"):
        raise InvalidInput(
            f"The check {kind} is not for {call.task}; leave it out.", field="checks"
        )
    if kind == "supported" and not quoted_texts(call):
        raise InvalidInput(
            "The check supported takes a call that gives something to go by: documents, or results"
            " of tools.",
            field="checks",
        )
    if kind == "schema" and output_schema(call) is None:
        raise InvalidInput(
            "The check schema takes a call with a JSON Schema of its output.", field="checks"
        )
    return AnswerCheck(kind, value)


def quoted_texts(call: Call) -> list[str]:
    """Return the sources that a call gives the model: documents, and results of tools."""
    if call.task != "chat":
        return []
    parts = [part for message in call.messages for part in message.content]
    return [
        part.text
        for part in parts
        if part.type == "tool_result" or (part.type == "text" and part.origin == "untrusted")
    ]


def output_schema(call: Call) -> Mapping[str, Any] | None:
    if call.task != "chat" or call.json_output is None:
        return None
    return call.json_output.json_schema


def length_bounds(value: str) -> tuple[int, int | None]:
    found = _LENGTH.fullmatch(value.strip())
    least = int(found[1] or 0) if found is not None else 0
    most = int(found[2]) if found is not None and found[2] else None
    if found is None or not (found[1] or found[2]) or (most is not None and most < least):
        raise InvalidInput(
            "The check length takes the fewest and the most characters, such as length:20..400.",
            field="checks",
        )
    return least, most


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """Whether an answer passed, the reason if not, and the receipt lines of the check."""

    passed: bool
    reason: str = ""
    lines: tuple[ReceiptLine, ...] = ()


class AnswerJudge(Protocol):
    """Decides a check by asking a model."""

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        """Return the verdict on `output` as an answer to `call`; one not judged fails."""


PASSED = CheckVerdict(passed=True)


def require_checks(
    checks: Sequence[AnswerCheck], call: Call, judges: Mapping[str, AnswerJudge]
) -> None:
    """Raise `InvalidInput` if `checks` cannot be run on an answer, before it is paid for.

    Raises:
        InvalidInput: there is no judge for one, or a schema of the call is none.
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
    """Return the verdict of the first failed check, or that all passed, with all receipt lines.

    Raises:
        InvalidInput: a check takes a judge that this stage has not.
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
        there = ", ".join(sorted(judges)) or "none"
        raise InvalidInput(
            f"This stage has no judge for the check {check.kind}; it has: {there}.", field="checks"
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
    for wanted in output.tool_calls:
        tool = known.get(wanted.name)
        if tool is None:
            return _failed("it calls a tool that there is not")
        verdict = _held(wanted.arguments or "{}", tool.parameters or None)
        if not verdict.passed:
            return _failed(f"arguments of {wanted.name}: {verdict.reason}")
    return PASSED


def _held(text: str, schema: Mapping[str, Any] | None) -> CheckVerdict:
    """Return whether `text` is JSON, and keeps to `schema` where there is one."""
    try:
        value = parse_json(text)
    except ValueError as error:
        return _failed(f"it is no JSON: {error}")
    reason = "" if schema is None else schema_violation(value, schema)
    return _failed(reason) if reason else PASSED


def _length(check: AnswerCheck, call: ChatCall, output: ChatOutput) -> CheckVerdict:
    least, most = length_bounds(check.value)
    count = len(output.text.strip())
    if count < least:
        return _failed(f"it has {count} characters, and {least} are the fewest")
    if most is not None and count > most:
        return _failed(f"it has {count} characters, and {most} are the most")
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
