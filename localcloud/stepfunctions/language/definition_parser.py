"""Parse a definition: JSON text to a `StateMachine`.

https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

from localcloud.stepfunctions.language import state_machine
from localcloud.stepfunctions.language.errors import InvalidDefinition
from localcloud.stepfunctions.language.state_machine import QueryLanguage, StateMachine
from localcloud.stepfunctions.language.values import ABSENT, JsonObject, loads

Source: TypeAlias = JsonObject
Fields: TypeAlias = dict[str, Any]

_PLAIN_WORKING: Final = {
    "Parameters": "parameters",
    "Arguments": "arguments",
    "ResultSelector": "result_selector",
    "ResultPath": "result_path",
}
_TRANSFORMING: Final = {
    "Next": "next",
    "InputPath": "input_path",
    "OutputPath": "output_path",
    "Output": "output",
    "Assign": "assign",
}
_TASK: Final = {
    "Resource": "resource",
    "TimeoutSeconds": "timeout_seconds",
    "TimeoutSecondsPath": "timeout_seconds_path",
    "HeartbeatSeconds": "heartbeat_seconds",
    "HeartbeatSecondsPath": "heartbeat_seconds_path",
    "Credentials": "credentials",
}
_PASS: Final = {"Parameters": "parameters", "Result": "result", "ResultPath": "result_path"}
_WAIT: Final = {
    "Seconds": "seconds",
    "SecondsPath": "seconds_path",
    "Timestamp": "timestamp",
    "TimestampPath": "timestamp_path",
}
_FAIL: Final = {
    "Error": "error",
    "ErrorPath": "error_path",
    "Cause": "cause",
    "CausePath": "cause_path",
}
_MAP: Final = {
    "Items": "items",
    "ItemsPath": "items_path",
    "ItemSelector": "item_selector",
    "Label": "label",
    "MaxConcurrency": "max_concurrency",
    "MaxConcurrencyPath": "max_concurrency_path",
    "ToleratedFailureCount": "tolerated_failure_count",
    "ToleratedFailureCountPath": "tolerated_failure_count_path",
    "ToleratedFailurePercentage": "tolerated_failure_percentage",
    "ToleratedFailurePercentagePath": "tolerated_failure_percentage_path",
}
_BATCHER: Final = {
    "BatchInput": "batch_input",
    "MaxItemsPerBatch": "max_items_per_batch",
    "MaxItemsPerBatchPath": "max_items_per_batch_path",
    "MaxInputBytesPerBatch": "max_input_bytes_per_batch",
    "MaxInputBytesPerBatchPath": "max_input_bytes_per_batch_path",
}
_READER: Final = {"Resource": "resource", "Parameters": "parameters", "Arguments": "arguments"}
_READER_CONFIG: Final = {
    "InputType": "input_type",
    "Transformation": "transformation",
    "ManifestType": "manifest_type",
    "CSVDelimiter": "csv_delimiter",
    "CSVHeaderLocation": "csv_header_location",
    "ItemsPointer": "items_pointer",
    "MaxItems": "max_items",
    "MaxItemsPath": "max_items_path",
}
_RETRIER: Final = {
    "IntervalSeconds": "interval_seconds",
    "MaxAttempts": "max_attempts",
    "BackoffRate": "backoff_rate",
    "MaxDelaySeconds": "max_delay_seconds",
    "JitterStrategy": "jitter_strategy",
}
_CATCHER: Final = {
    "Next": "next",
    "ResultPath": "result_path",
    "Output": "output",
    "Assign": "assign",
}
_NOT_OPERATORS: Final = frozenset({"Variable", "Next", "Assign", "Output", "Comment"})


def parse(definition_json: str) -> StateMachine:
    """Parse a definition in which `diagnostics` found no errors.

    Raises `InvalidDefinition` if the text is not a state machine.
    """
    try:
        source = cast(Source, loads(definition_json))
        language = cast(QueryLanguage, source.get("QueryLanguage", "JSONPath"))
        return StateMachine(
            **_machine(source, language),
            **_pick(source, {"TimeoutSeconds": "timeout_seconds", "Version": "version"}),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as problem:
        message = f"Invalid State Machine Definition: '{problem!r}'"
        raise InvalidDefinition(message) from problem


def _pick(source: Source, names: dict[str, str]) -> Fields:
    return {field: source[name] for name, field in names.items() if name in source}


def _machine(source: Source, language: QueryLanguage) -> Fields:
    described = cast(dict[str, Source], source["States"])
    return {
        "start_at": source["StartAt"],
        "states": {name: _state(name, state, language) for name, state in described.items()},
        "query_language": language,
        "comment": source.get("Comment"),
    }


def _state(name: str, source: Source, machine_language: QueryLanguage) -> state_machine.State:
    language = cast(QueryLanguage, source.get("QueryLanguage", machine_language))
    common: Fields = {
        "name": name,
        "query_language": language,
        "comment": source.get("Comment"),
    }
    kind = cast(str, source["Type"])
    if kind != "Fail":
        common |= _pick(source, _TRANSFORMING)
    return _BUILDERS[kind](source, common, machine_language)


def _working(source: Source) -> Fields:
    retriers = cast(list[Source], source.get("Retry", []))
    catchers = cast(list[Source], source.get("Catch", []))
    return _pick(source, _PLAIN_WORKING) | {
        "retry": tuple(
            state_machine.Retrier(
                error_equals=_names(entry, "ErrorEquals"), **_pick(entry, _RETRIER)
            )
            for entry in retriers
        ),
        "catch": tuple(
            state_machine.Catcher(
                error_equals=_names(entry, "ErrorEquals"), **_pick(entry, _CATCHER)
            )
            for entry in catchers
        ),
    }


def _names(source: Source, field: str) -> tuple[str, ...]:
    return tuple(cast(list[str], source.get(field, [])))


def _task(source: Source, common: Fields, _: QueryLanguage) -> state_machine.State:
    return state_machine.TaskState(**common, **_working(source), **_pick(source, _TASK))


def _pass(source: Source, common: Fields, _: QueryLanguage) -> state_machine.State:
    return state_machine.PassState(**common, **_pick(source, _PASS))


def _wait(source: Source, common: Fields, _: QueryLanguage) -> state_machine.State:
    return state_machine.WaitState(**common, **_pick(source, _WAIT))


def _succeed(_source: Source, common: Fields, _: QueryLanguage) -> state_machine.State:
    return state_machine.SucceedState(**common)


def _fail(source: Source, common: Fields, _: QueryLanguage) -> state_machine.State:
    return state_machine.FailState(**common, **_pick(source, _FAIL))


def _choice(source: Source, common: Fields, _: QueryLanguage) -> state_machine.State:
    rules = cast(list[Source], source["Choices"])
    return state_machine.ChoiceState(
        **common,
        choices=tuple(_rule(rule) for rule in rules),
        default=cast(str | None, source.get("Default")),
    )


def _rule(source: Source) -> state_machine.ChoiceRule:
    names = {
        "Next": "next",
        "Condition": "condition",
        "Output": "output",
        "Assign": "assign",
        "Comment": "comment",
    }
    test = None if "Condition" in source else _test(source)
    return state_machine.ChoiceRule(**_pick(source, names), test=test)


def _test(source: Source) -> state_machine.RuleTest:
    if "And" in source:
        return state_machine.AndRule(parts=_tests(source["And"]))
    if "Or" in source:
        return state_machine.OrRule(parts=_tests(source["Or"]))
    if "Not" in source:
        return state_machine.NotRule(part=_test(cast(Source, source["Not"])))
    [operator] = [name for name in source if name not in _NOT_OPERATORS]
    return state_machine.ComparisonRule(
        variable=cast(str, source["Variable"]), operator=operator, expected=source[operator]
    )


def _tests(sources: object) -> tuple[state_machine.RuleTest, ...]:
    return tuple(_test(source) for source in cast(list[Source], sources))


def _parallel(source: Source, common: Fields, language: QueryLanguage) -> state_machine.State:
    branches = cast(list[Source], source["Branches"])
    return state_machine.ParallelState(
        **common,
        **_working(source),
        branches=tuple(
            state_machine.StateGraph(**_machine(branch, language)) for branch in branches
        ),
    )


def _map(source: Source, common: Fields, language: QueryLanguage) -> state_machine.State:
    processor = cast(Source, source.get("ItemProcessor") or source["Iterator"])
    fields = common | _working(source) | _pick(source, _MAP)
    legacy_selector = fields.pop("parameters", ABSENT)
    fields.setdefault("item_selector", legacy_selector)
    if "ItemBatcher" in source:
        batcher = cast(Source, source["ItemBatcher"])
        fields["item_batcher"] = state_machine.ItemBatcher(**_pick(batcher, _BATCHER))
    if "ItemReader" in source:
        fields["item_reader"] = _reader(cast(Source, source["ItemReader"]))
    if "ResultWriter" in source:
        fields["result_writer"] = _writer(cast(Source, source["ResultWriter"]))
    return state_machine.MapState(**fields, item_processor=_processor(processor, language))


def _processor(source: Source, language: QueryLanguage) -> state_machine.ItemProcessor:
    config = cast(Source, source.get("ProcessorConfig", {}))
    names = {"Mode": "mode", "ExecutionType": "execution_type"}
    return state_machine.ItemProcessor(**_machine(source, language), **_pick(config, names))


def _reader(source: Source) -> state_machine.ItemReader:
    config = cast(Source, source.get("ReaderConfig", {}))
    return state_machine.ItemReader(
        **_pick(source, _READER),
        reader_config=state_machine.ReaderConfig(
            **_pick(config, _READER_CONFIG), csv_headers=_names(config, "CSVHeaders")
        ),
    )


def _writer(source: Source) -> state_machine.MapResultWriter:
    config = cast(Source, source.get("WriterConfig", {}))
    names = {"Transformation": "transformation", "OutputType": "output_type"}
    return state_machine.MapResultWriter(**_pick(source, _READER), **_pick(config, names))


_Builder: TypeAlias = Callable[[Source, Fields, QueryLanguage], state_machine.State]
_BUILDERS: Final[dict[str, _Builder]] = {
    "Task": _task,
    "Pass": _pass,
    "Wait": _wait,
    "Succeed": _succeed,
    "Fail": _fail,
    "Choice": _choice,
    "Parallel": _parallel,
    "Map": _map,
}
