"""Suites in files: ours, or promptfoo's, in YAML or JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.evaluation.promptfoo import is_promptfoo, read_promptfoo
from cli.failures import UsageError
from cli.output import Json
from cli.prompts.files import read_yaml

if TYPE_CHECKING:
    from chalicelib.contracts.evaluations.results import EvaluationResult
    from chalicelib.contracts.evaluations.suites import Suite

MAX_FILE_BYTES = 4 * 1024 * 1024
_PROMPT = re.compile(r"([a-z0-9][a-z0-9_-]{0,62})(?:@([a-z0-9_-]+))?")
_FILE = "file://"


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """A suite that was read, and what its file says beside it.

    `outputs` are files for its reports, by kind: `json`, `junit` and `html`.
    """

    suite: Suite
    outputs: Mapping[str, Path] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def read_suite_file(
    file: Path, prompts: tuple[str, ...] = (), model: str | None = None
) -> SuiteFile:
    """Return the suite in a file.

    Args:
        file: YAML or JSON; a variable `file://PATH` is read from beside it.
        prompts: stored prompts, `NAME` or `NAME@VERSION`, that take the place of its targets.
        model: a model that takes the place of every target's.

    Raises:
        UsageError: it cannot be read or run; the message names case, field and fix.
    """
    from chalicelib.errors import InvalidInput
    from chalicelib.evaluation.suites import read_suite, suite_json

    content = read_yaml(file)
    if not isinstance(content, dict):
        raise UsageError(f"{file} is no suite: it holds no keys.")
    beside = file.parent

    def read(path: str) -> str:
        return _read_text(beside / path)

    outputs: Mapping[str, Path] = {}
    warnings: tuple[str, ...] = ()
    if is_promptfoo(content):
        found = read_promptfoo(content, _suite_name(file), read)
        content, outputs, warnings = found.suite, found.outputs, found.warnings
    else:
        content = {"name": _suite_name(file), **_with_files(content, read)}
    if prompts:
        content = _with_prompts(content, prompts)
    if model is not None:
        _use_model(content, model)
    try:
        suite = read_suite(content)
        suite_json(suite)
    except InvalidInput as error:
        raise UsageError(f"{file}: {error.message}") from error
    return SuiteFile(suite, outputs, tuple(f"{file}: {each}" for each in warnings))


def read_results_file(file: Path) -> EvaluationResult:
    """Return the results in a file, `results.json` of an evaluation; raise `UsageError`."""
    from pydantic import ValidationError

    from chalicelib.contracts.evaluations.results import EvaluationResult

    try:
        return EvaluationResult.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"The baseline {file} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise UsageError(
            f"The baseline {file} holds no results of an evaluation; write some by --results."
        ) from error


def _with_files(content: Json, read: Any) -> Json:
    """Return a suite of ours with the texts of files in the places of `file://` variables."""
    cases = content.get("cases")
    if not isinstance(cases, list):
        return content
    return {**content, "cases": [_case_with_files(case, read) for case in cases]}


def _case_with_files(case: Any, read: Any) -> Any:
    if not isinstance(case, dict) or not isinstance(case.get("variables"), dict):
        return case
    variables = {
        name: read(value.removeprefix(_FILE))
        if isinstance(value, str) and value.startswith(_FILE)
        else value
        for name, value in case["variables"].items()
    }
    return {**case, "variables": variables}


def _read_text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise UsageError(f"{file} is larger than a suite may be, {MAX_FILE_BYTES} bytes.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is no text in UTF-8: {error}") from error


def _suite_name(file: Path) -> str:
    """Return the name of a suite that has none of its own: its file's."""
    name = file.name.split(".")[0].lower()
    return re.sub(r"[^a-z0-9_-]+", "-", name).strip("-_")[:63] or "suite"


def _with_prompts(content: Json, prompts: tuple[str, ...]) -> Json:
    """Return a suite of stored prompts, without what it says of the targets that they replace."""
    targets = [_prompt_target(each) for each in prompts]
    gone = {"targets", "compare_to"}
    if content.get("compare_to") in [each["name"] for each in targets]:
        gone = {"targets"}
    kept = {key: value for key, value in content.items() if key not in gone}
    gate = content.get("gate")
    if isinstance(gate, dict):
        kept["gate"] = {key: value for key, value in gate.items() if key != "targets"}
    return {**kept, "targets": targets}


def _prompt_target(given: str) -> Json:
    found = _PROMPT.fullmatch(given)
    if found is None:
        raise UsageError(f"--prompt {given} is no NAME or NAME@VERSION.")
    name, wanted = found[1], found[2] or "latest"
    version: int | str = int(wanted) if wanted.isdecimal() else wanted
    return {"kind": "prompt", "name": name, "prompt": name, "version": version}


def _use_model(content: Json, model: str) -> None:
    targets = content.get("targets")
    for target in targets if isinstance(targets, list) else ():
        if isinstance(target, dict) and target.get("kind") in ("prompt", "inline", "model"):
            target["model"] = model
