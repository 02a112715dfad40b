"""Check the states of a definition: which fields they have, and the values.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-states.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from localcloud.stepfunctions.language import values
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.state_machine import QueryLanguage
from localcloud.stepfunctions.language.validation.allowed_fields import (
    EXCLUSIVE,
    FIELDS,
    JSONATA_ONLY,
    JSONPATH_ONLY,
    REQUIRED,
)
from localcloud.stepfunctions.language.validation.diagnostics import (
    INVALID_RESOURCE,
    ValidationContext,
)
from localcloud.stepfunctions.language.validation.map_checks import (
    check_item_batcher,
    check_item_reader,
    check_label,
    check_map,
    check_processor_config,
    check_result_writer,
    is_distributed,
    processor_config,
)
from localcloud.stepfunctions.language.validation.rule_checks import (
    check_catch,
    check_choices,
    check_retry,
)
from localcloud.stepfunctions.language.validation.template_checks import (
    check_assign,
    check_number,
    check_path,
    check_path_or_intrinsic,
    check_reference_path,
    check_result_path,
    check_static_result,
    check_template,
    check_text,
)
from localcloud.stepfunctions.language.values import Json, JsonObject

LANGUAGES: Final = ("JSONPath", "JSONata")
MAX_SECONDS: Final = 99_999_999
_ARN: Final = re.compile(r"arn:aws(?:-[a-z]+)*:[a-z0-9-]+:[a-z0-9-]*:\d*:\S+")
_WAITS: Final = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
_MACHINE: Final = frozenset({"Comment", "StartAt", "States"})
_EXPRESS_LACKS: Final = (".sync", ".sync:2", ".waitForTaskToken")


def effective_language(source: JsonObject, inherited: QueryLanguage) -> QueryLanguage:
    """Return the query language of a state machine or state: JSONata unless it is JSONPath."""
    if "QueryLanguage" not in source:
        return inherited
    return "JSONPath" if source["QueryLanguage"] == "JSONPath" else "JSONata"


def check_machine(
    context: ValidationContext, machine: JsonObject, more: frozenset[str] = frozenset()
) -> None:
    """Check a state machine, branch or processor; `more` are additional allowed fields."""
    context.expect_fields(machine, _MACHINE | more, ("States", "StartAt"))
    if "Comment" in machine:
        context.at("/Comment").expect_string(machine["Comment"])
    if "StartAt" in machine:
        context.at("/StartAt").expect_string(machine["StartAt"])
    if "States" not in machine:
        return
    states = context.at("/States").expect_object(machine["States"])
    if states == {}:
        context.at("/States").error("The field 'States' should be non-empty")
    for name, value in (states or {}).items():
        at = context.at(f"/States/{name}")
        state = at.expect_object(value)
        if state is not None:
            check_state(at, state)


def check_state(context: ValidationContext, state: JsonObject) -> None:
    """Check one state, and all states nested in it."""
    kind = state.get("Type")
    if kind is None:
        context.error("These fields are required: [Type]")
        return
    if not isinstance(kind, str) or kind not in FIELDS:
        context.at("/Type").expect_one_of(kind, tuple(FIELDS))
        return
    language = effective_language(state, context.machine_language)
    context = replace(context, language=language, state_type=kind)
    context.expect_fields(state, FIELDS[kind], REQUIRED.get(kind, ()))
    _check_language(context, state)
    for name, value in state.items():
        if name in FIELDS[kind] and _is_of(language, name):
            _CHECKS[name](context.at(f"/{name}"), value)
    _check_end(context, state)
    for names in EXCLUSIVE:
        context.expect_at_most_one(state, *names)
    _check_together(context, state)


def _is_of(language: QueryLanguage, name: str) -> bool:
    return name not in (JSONPATH_ONLY if language == "JSONata" else JSONATA_ONLY)


def _check_language(context: ValidationContext, state: JsonObject) -> None:
    if context.language == "JSONPath" and context.machine_language == "JSONata":
        context.error(
            "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
        )
        return
    other = "JSONPath" if context.uses_jsonata else "JSONata"
    for name in JSONPATH_ONLY if context.uses_jsonata else JSONATA_ONLY:
        if name in state and name in FIELDS[context.state_type]:
            context.error(
                f"The QueryLanguage is set to '{context.language}', but field '{name}' is only "
                f"supported for the '{other}' QueryLanguage"
            )


def _check_end(context: ValidationContext, state: JsonObject) -> None:
    if context.state_type in {"Choice", "Succeed", "Fail"}:
        return
    if "Next" not in state and state.get("End") is not True:
        context.error("Either 'Next' or 'End' is required")


def _check_together(context: ValidationContext, state: JsonObject) -> None:
    if context.state_type == "Wait" and sum(name in state for name in _WAITS) != 1:
        context.error(f"Exactly one of these fields is required: [{', '.join(_WAITS)}]")
    if context.state_type == "Task":
        limit, beat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
        if isinstance(limit, int) and isinstance(beat, int) and beat >= limit:
            context.at("/HeartbeatSeconds").error(
                "'HeartbeatSeconds' must be smaller than 'TimeoutSeconds'"
            )
    if context.state_type == "Map":
        check_map(context, state)
        _check_processor(context, state)


def _check_resource(context: ValidationContext, value: Json) -> None:
    resource = context.expect_string(value)
    if resource is None:
        return
    if not _ARN.fullmatch(resource):
        context.error("Value is not a valid resource ARN")
        return
    if context.machine_type == "EXPRESS":
        if ":activity:" in resource:
            context.error("Express state machine does not support Activity ARN")
            return
        for pattern in _EXPRESS_LACKS:
            if resource.endswith(pattern):
                blank = " " if pattern == ".waitForTaskToken" else ""
                context.error(
                    f"Express state machine does not support '{pattern}' service integration{blank}"
                )
                return
    refusal = context.resources(resource)
    if refusal is not None:
        context.error(refusal, INVALID_RESOURCE)


def _check_branches(context: ValidationContext, value: Json) -> None:
    for index, entry in enumerate(context.expect_array(value) or []):
        at = context.at(f"[{index}]")
        branch = at.expect_object(entry)
        if branch is not None:
            check_machine(at, branch)


def _check_processor(context: ValidationContext, state: JsonObject) -> None:
    """Check the processor; child executions may have another type than the state machine."""
    name = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
    if name not in state:
        return
    at = context.at(f"/{name}")
    processor = at.expect_object(state[name])
    if processor is None:
        return
    if is_distributed(state) and processor_config(state).get("ExecutionType") == "EXPRESS":
        at = replace(at, machine_type="EXPRESS")
    check_machine(at, processor, frozenset({"ProcessorConfig"}))
    if "ProcessorConfig" in processor:
        check_processor_config(at.at("/ProcessorConfig"), processor["ProcessorConfig"])


def _check_end_field(context: ValidationContext, value: Json) -> None:
    if not isinstance(value, bool):
        context.error("Expected value of type [BOOLEAN]")


def _check_timestamp(context: ValidationContext, value: Json) -> None:
    check_text(context, value, "Timestamp")
    if context.uses_jsonata and templates.is_expression(value):
        return
    if isinstance(value, str) and values.parse_timestamp(value) is None:
        context.error("String does not match RFC3339 timestamp")


_Check: TypeAlias = Callable[[ValidationContext, Json], None]


def _template(field: str) -> _Check:
    return lambda context, value: check_template(context, value, field)


def _number(minimum: int, maximum: int | None = None) -> _Check:
    return lambda context, value: check_number(context, value, minimum, maximum)


def _text(field: str) -> _Check:
    return lambda context, value: check_text(context, value, field)


def _check_credentials(context: ValidationContext, value: Json) -> None:
    """Check Credentials, which name the role of a task and nothing else."""
    check_template(context, value, "Credentials")
    if not isinstance(value, dict):
        return
    names = {"RoleArn"} if context.uses_jsonata else {"RoleArn", "RoleArn.$"}
    context.expect_fields(value, frozenset(names))
    if not names & value.keys():
        context.error("These fields are required: [RoleArn]")


def _string(context: ValidationContext, value: Json) -> None:
    context.expect_string(value)


def _nullable_path(context: ValidationContext, value: Json) -> None:
    check_path(context, value, nullable=True)


def _anything(_place: ValidationContext, _value: Json) -> None:
    """Accept any value: it is checked with the fields around it."""


_CHECKS: Final[dict[str, _Check]] = {
    "Type": _string,
    "Comment": _string,
    "QueryLanguage": lambda context, value: context.expect_one_of(value, LANGUAGES),
    "Next": _string,
    "Default": _string,
    "End": _check_end_field,
    "InputPath": _nullable_path,
    "OutputPath": _nullable_path,
    "ResultPath": check_result_path,
    "Parameters": _template("Parameters"),
    "Arguments": _template("Arguments"),
    "ResultSelector": _template("ResultSelector"),
    "Output": _template("Output"),
    "Assign": check_assign,
    "Retry": check_retry,
    "Catch": check_catch,
    "Resource": _check_resource,
    "TimeoutSeconds": _number(1, MAX_SECONDS),
    "TimeoutSecondsPath": check_reference_path,
    "HeartbeatSeconds": _number(1, MAX_SECONDS),
    "HeartbeatSecondsPath": check_reference_path,
    "Credentials": _check_credentials,
    "Result": check_static_result,
    "Choices": check_choices,
    "Seconds": _number(0, MAX_SECONDS),
    "SecondsPath": check_reference_path,
    "Timestamp": _check_timestamp,
    "TimestampPath": check_reference_path,
    "Error": _text("Error"),
    "ErrorPath": check_path_or_intrinsic,
    "Cause": _text("Cause"),
    "CausePath": check_path_or_intrinsic,
    "Branches": _check_branches,
    "ItemProcessor": _anything,
    "Iterator": _anything,
    "Items": _template("Items"),
    "ItemsPath": check_reference_path,
    "ItemSelector": _template("ItemSelector"),
    "ItemReader": check_item_reader,
    "ItemBatcher": check_item_batcher,
    "ResultWriter": check_result_writer,
    "Label": check_label,
    "MaxConcurrency": _number(0),
    "MaxConcurrencyPath": check_reference_path,
    "ToleratedFailureCount": _number(0),
    "ToleratedFailureCountPath": check_reference_path,
    "ToleratedFailurePercentage": lambda context, value: check_number(
        context, value, 0, 100, whole=False
    ),
    "ToleratedFailurePercentagePath": check_reference_path,
}


def check_top_level(context: ValidationContext, machine: JsonObject) -> None:
    """Check a whole definition."""
    more = frozenset({"Version", "TimeoutSeconds", "QueryLanguage"})
    if "QueryLanguage" in machine:
        context.at("/QueryLanguage").expect_one_of(machine["QueryLanguage"], LANGUAGES)
    if "TimeoutSeconds" in machine:
        context.at("/TimeoutSeconds").expect_number(machine["TimeoutSeconds"], 1, MAX_SECONDS)
    if "Version" in machine:
        context.at("/Version").expect_one_of(machine["Version"], ("1.0",))
    check_machine(context, machine, more)
