"""Reads promptfoo's configuration as a suite: the part of it that means the same here.

https://www.promptfoo.dev/docs/configuration/reference/ What cannot be honoured is refused by its
name, never left out: a test that passes because half of it was not read is worse than none.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.evaluation.promptfoo_assertions import convert_assertion
from cli.evaluation.promptfoo_fields import (
    FILE,
    HARMLESS,
    ReadText,
    free_name,
    list_of,
    mapping_of,
    require_known,
)
from cli.evaluation.promptfoo_references import with_references
from cli.evaluation.promptfoo_targets import model_of, read_targets
from cli.failures import UsageError
from cli.output import Json

_TEMPLATES = "assertionTemplates"
_TOP = frozenset(
    ("description", "prompts", "providers", "targets", "tests", "defaultTest", _TEMPLATES)
)
_OPTIONS = frozenset(("repeat", "maxConcurrency", "cache", "showProgressBar", "delay"))
_TEST = frozenset(("description", "vars", "assert", "threshold", "metadata", "options"))
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_REPORTS = {".junit.xml": "junit", ".html": "html", ".json": "json"}
"""Reports of ours by the ends of `outputPath`; promptfoo's plain .xml is another form."""


@dataclass(frozen=True, slots=True)
class PromptfooSuite:
    """A suite as JSON, where its reports go by their kind, and what somebody should know of it."""

    suite: Json
    outputs: Mapping[str, Path]
    warnings: tuple[str, ...]


def is_promptfoo(content: Mapping[str, Any]) -> bool:
    """Tell whether a file is promptfoo's rather than one of ours."""
    return "prompts" in content and ("providers" in content or "targets" in content)


def read_promptfoo(content: Mapping[str, Any], name: str, read: ReadText) -> PromptfooSuite:
    """Return the suite that a configuration describes.

    Raises:
        UsageError: something in it has no meaning here; the message names it.
    """
    require_known(content, _TOP | HARMLESS | {"evaluateOptions"}, "the configuration")
    tests = with_references(_tests(content, read), content)
    content = with_references(content, content)
    options = content.get("evaluateOptions") or {}
    require_known(options, _OPTIONS, "evaluateOptions")
    default = mapping_of(content.get("defaultTest") or {}, "defaultTest")
    tests = [mapping_of(test, f"test {n}") for n, test in enumerate(tests, 1)]
    cases = list(_cases(tests or [{}], default, read))
    targets = read_targets(content, [case["variables"] for case in cases], read)
    suite: Json = {"name": name, "targets": targets, "cases": cases}
    if content.get("description"):
        suite["description"] = str(content["description"])
    if options.get("repeat"):
        suite["repeats"] = options["repeat"]
    outputs, warnings = _outputs(content.get("outputPath"))
    ungraded = [case["id"] for case in cases if case.get("ungraded")]
    if ungraded:
        named = ", ".join(ungraded[:3]) + (", …" if len(ungraded) > 3 else "")
        warnings.append(
            f"{len(ungraded)} of {len(cases)} tests have no assert: {named}. They are asked and "
            "shown, and count in no score."
        )
    return PromptfooSuite(suite, outputs, tuple(warnings))


def _outputs(given: Any) -> tuple[dict[str, Path], list[str]]:
    """Return where `outputPath` has reports written, and warnings of those that are not."""
    outputs: dict[str, Path] = {}
    warnings: list[str] = []
    for path in list_of(given, "outputPath") if given else ():
        kind = next((kind for end, kind in _REPORTS.items() if str(path).endswith(end)), None)
        if kind is None:
            warnings.append(
                f"outputPath {path} is not written: a report ends with {', '.join(_REPORTS)}."
            )
        else:
            outputs[kind] = Path(str(path))
    return outputs, warnings


def _tests(content: Mapping[str, Any], read: ReadText) -> list[Any]:
    tests = content.get("tests") or []
    if isinstance(tests, str):
        if not tests.endswith((".json", ".yaml", ".yml")):
            raise UsageError(f"tests: {tests} is of a kind that is not read; write YAML or JSON.")
        import yaml

        path = tests.removeprefix(FILE)
        try:
            tests = yaml.safe_load(read(path)) or []
        except yaml.YAMLError as error:
            raise UsageError(f"tests: {path} is no YAML: {error}") from error
    return list_of(tests, "tests")


def _cases(tests: Sequence[Json], default: Json, read: ReadText) -> Iterator[Json]:
    require_known(default, _TEST, "defaultTest")
    seen: set[str] = set()
    for n, test in enumerate(tests, 1):
        place = f"test {n}"
        require_known(test, _TEST, place)
        variables = _part(default, "vars", "defaultTest") | _part(test, "vars", place)
        options = _part(default, "options", "defaultTest") | _part(test, "options", place)
        require_known(options, frozenset(("provider",)), f"{place}, options")
        provider = options.get("provider")
        judge = None if provider is None else model_of(provider)
        assertions = [*_assertions(default, "defaultTest"), *_assertions(test, place)]
        threshold = test.get("threshold", default.get("threshold"))
        for values in _combinations(variables, place, read):
            title = str(test.get("description") or place).replace("/", "-").strip()[:100]
            case_id = free_name(title, seen)
            seen.add(case_id)
            case: Json = {"id": case_id, "variables": values}
            if not assertions:
                yield case | {"ungraded": True}
                continue
            case["graders"] = _graders(assertions, values, judge, place, read)
            if threshold is not None:
                case["threshold"] = threshold
            yield case


def _graders(
    assertions: Sequence[Any], values: Json, judge: str | None, place: str, read: ReadText
) -> list[Json]:
    graders: list[Json] = []
    seen: set[str] = set()
    for assertion in assertions:
        grader = convert_assertion(mapping_of(assertion, place), values, judge, place, read)
        name = str(grader.get("name") or grader["type"])
        grader["name"] = free_name(name, seen)
        seen.add(grader["name"])
        graders.append(grader)
    return graders


def _part(test: Json, key: str, place: str) -> Json:
    return mapping_of(test.get(key) or {}, f"{place}, {key}")


def _assertions(test: Json, place: str) -> list[Any]:
    found = test.get("assert") or []
    if not isinstance(found, list):
        raise UsageError(f"{place}, assert: a list is expected.")
    return found


def _combinations(variables: Json, place: str, read: ReadText) -> Iterator[Json]:
    """Yield the variables of each test that a test with lists stands for."""
    lists = []
    for name, value in variables.items():
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"{place}: the variable {name!r} has to be called by lower-case letters, digits "
                "and _; rename it."
            )
        values = value if isinstance(value, list) else [value]
        lists.append(
            [(name, _variable(each, f"{place}, variable {name}", read)) for each in values]
        )
    for chosen in itertools.product(*lists):
        yield dict(chosen)


def _variable(value: Any, place: str, read: ReadText) -> str:
    if isinstance(value, str):
        if not value.startswith(FILE):
            return value
        path = value.removeprefix(FILE)
        if path.endswith((".js", ".py", ".ts", ".mjs")):
            raise UsageError(f"{place}: {value} is code, which is not run.")
        return read(path)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise UsageError(f"{place} is an object, and variables are texts, numbers, true or false.")
