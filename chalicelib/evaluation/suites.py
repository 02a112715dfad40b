"""Reads suites, and checks what can be checked of them before anything is asked. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib.contracts.evaluations.graders import grader_name
from chalicelib.contracts.evaluations.suites import (
    MAX_SUITE_BYTES,
    AskTarget,
    ModelTarget,
    RecordedTarget,
    Suite,
    SuiteCase,
)
from chalicelib.contracts.search import MAX_QUESTION_CHARACTERS
from chalicelib.errors import InvalidInput
from chalicelib.evaluation.model_calls import model_call
from chalicelib.generation.patterns import PatternError, compile_pattern
from chalicelib.generation.schemas import require_schema

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.graders import Grading
    from chalicelib.contracts.prompts import PromptContent

_SHOWN = 3


def read_suite(value: Any) -> Suite:
    """Return the suite in a JSON value.

    Raises:
        InvalidInput: it is none; the error names case, field and fix.
    """
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except (UnicodeEncodeError, RecursionError, TypeError, ValueError) as error:
        raise InvalidInput(
            f"The suite cannot be written as JSON in UTF-8: {type(error).__name__}.", field="suite"
        ) from error
    try:
        suite = Suite.model_validate(value)
    except ValidationError as error:
        raise InvalidInput(_message(error, value), field=_field(error)) from error
    check_graders(suite)
    return suite


def check_graders(suite: Suite) -> None:
    """Raise `InvalidInput` for a pattern or a schema of a grader that cannot be used."""
    for grading in suite.graders:
        _check_grader(grading, "graders")
    for case in suite.cases:
        for grading in case.graders:
            _check_grader(grading, f"case {case.id}")
        for grading in suite.graders_of(case):
            _check_numbers(case, grading)


def check_variables(suite: Suite, contents: Mapping[str, PromptContent]) -> None:
    """Raise `InvalidInput` where a case lacks a variable of a target, or has one of another type.

    `contents` are the prompts of targets by the targets' names. Variables that no target and no
    grader uses are refused too, since a typing error would be graded otherwise.
    """
    from chalicelib.evaluation.swaps import swapped_cases

    for case in suite.cases:
        used = _check_case(suite, case, contents, f"case {case.id}")
        unused = sorted(case.variables.keys() - used)
        if unused:
            raise InvalidInput(
                f"case {case.id}: no target and no grader has a variable {unused[0]!r}; there are "
                f"{', '.join(sorted(used)) or 'none'}.",
                field=f"variables.{unused[0]}",
            )
        for swapped in swapped_cases(suite, case):
            _check_case(suite, swapped.case, contents, f"case {case.id}, swap {swapped.swap}")


def _check_case(
    suite: Suite, case: SuiteCase, contents: Mapping[str, PromptContent], named: str
) -> set[str]:
    """Return the names of the variables that targets and graders use; raise `InvalidInput`."""
    from chalicelib.prompts.variables import check_values

    used = {name for each in suite.graders_of(case) for name in getattr(each, "variables", ())}
    for target in suite.targets:
        place = f"{named}, target {target.name}"
        if isinstance(target, AskTarget):
            used.add(target.question)
            _check_text(case, target.question, place, MAX_QUESTION_CHARACTERS)
        elif isinstance(target, ModelTarget):
            used.add(target.input)
            model_call(target, case)
        elif isinstance(target, RecordedTarget):
            used.add(target.input)
            _check_text(case, target.input, place)
            if case.labelled is None:
                raise InvalidInput(
                    f"{place}: give the recorded answer as labelled.", field="labelled"
                )
        else:
            declared = contents[target.name].variables
            used |= declared.keys()
            given = {name: case.variables[name] for name in declared if name in case.variables}
            try:
                check_values(declared, given, "variables")
            except InvalidInput as error:
                raise InvalidInput(
                    f"{place}: {error.message}", field=error.field, limit=error.limit
                ) from error
    return used


def suite_json(suite: Suite) -> str:
    """Return the suite as canonical JSON, without what is left at its default.

    Raises:
        InvalidInput: it is larger than a suite may be.
    """
    dumped = suite.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text = json.dumps(dumped, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_SUITE_BYTES:
        raise InvalidInput(
            f"The suite has {size} bytes as JSON; {MAX_SUITE_BYTES} are the most. Split it.",
            field="suite",
            limit=str(MAX_SUITE_BYTES),
        )
    return text


def suite_digest(suite: Suite) -> str:
    """Return the SHA-256 of what a suite asks, how it grades and what has to hold, in hexadecimal.

    Targets and budget are left out, so that a suite is the same suite for every version of a
    prompt. The rules of the gate are not: a verdict by easier ones is that of another suite.
    """
    dumped = suite.model_dump(
        mode="json",
        by_alias=True,
        include={"name", "cases", "graders", "swaps"},
        exclude_defaults=True,
    )
    rules = suite.gate.model_dump(mode="json", exclude={"targets"}, exclude_defaults=True)
    if rules:
        dumped["gate"] = rules
    text = json.dumps(dumped, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _check_text(case: SuiteCase, name: str, place: str, limit: int | None = None) -> None:
    value = case.variables.get(name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(
            f"{place}: the variable {name} has to be a text that is not empty.",
            field=f"variables.{name}",
        )
    if limit is not None and len(value) > limit:
        raise InvalidInput(
            f"{place}: the variable {name} has {len(value)} characters; {limit} are the most.",
            field=f"variables.{name}",
            limit=str(limit),
        )


def _check_grader(grading: Grading, place: str) -> None:
    where = f"{place}, grader {grader_name(grading)}"
    if grading.type == "regex":
        try:
            compile_pattern(grading.pattern)
        except PatternError as error:
            raise InvalidInput(
                f"{where}: the pattern cannot be used: {error}.", field="pattern"
            ) from error
    if grading.type == "json_schema" and grading.json_schema is not None:
        try:
            require_schema(grading.json_schema, "json_schema")
        except InvalidInput as error:
            raise InvalidInput(f"{where}: {error.message}", field=error.field) from error


def _check_numbers(case: SuiteCase, grading: Grading) -> None:
    if grading.type != "numeric" or grading.expected is not None:
        return
    from chalicelib.evaluation.graders.numbers import numbers_in

    found = numbers_in(case.expected or "")
    place = f"case {case.id}, grader {grader_name(grading)}"
    if len(found) != 1:
        raise InvalidInput(
            f"{place}: the case expects {case.expected!r}, which is not one number.",
            field="expected",
        )
    if found[0] == 0 and grading.relative and grading.absolute is None:
        raise InvalidInput(
            f"{place}: relative divides by the expected number, which is 0; give absolute instead.",
            field="relative",
        )


def _message(error: ValidationError, value: Any) -> str:
    """Return what is wrong, the first few of it, each with its case and field."""
    found = error.errors(include_url=False)
    told = [f"{_place(each['loc'], value)}{each['msg']}" for each in found[:_SHOWN]]
    more = f" And {len(found) - _SHOWN} more." if len(found) > _SHOWN else ""
    return f"The suite cannot be run: {'; '.join(told)}.{more}"


def _place(location: tuple[int | str, ...], value: Any) -> str:
    """Return where an error is: cases, targets and graders by their names, then the field."""
    parts: list[str] = []
    here = value
    for step in location:
        if isinstance(step, int) and isinstance(here, list | tuple) and step < len(here):
            here = here[step]
            name = _name_of(here)
            parts[-1:] = [f"{parts[-1].rstrip('s')} {name}" if name else f"{parts[-1]}.{step}"]
        elif isinstance(here, Mapping) and step in here:
            here = here[step]
            parts.append(str(step))
        elif not (isinstance(here, Mapping) and step in (here.get("type"), here.get("kind"))):
            parts.append(str(step))
    return f"{', '.join(parts)}: " if parts else ""


def _name_of(value: Any) -> str:
    if not isinstance(value, Mapping):
        return ""
    found = value.get("id") or value.get("name") or value.get("type") or ""
    return found if isinstance(found, str) else ""


def _field(error: ValidationError) -> str:
    return ".".join(map(str, error.errors(include_url=False)[0]["loc"])) or "suite"
