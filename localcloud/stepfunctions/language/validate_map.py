"""Checks of the fields that Map alone has.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import re
from typing import Final

from localcloud.stepfunctions.language import items, jsonata
from localcloud.stepfunctions.language.findings import INVALID_LABEL_NAME, Place
from localcloud.stepfunctions.language.validate_templates import (
    check_number,
    check_reference_path,
    check_template,
)
from localcloud.stepfunctions.language.values import Json, JsonObject

DISTRIBUTED_ONLY: Final = (
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
    "ToleratedFailureCount",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentage",
    "ToleratedFailurePercentagePath",
)
MOST_BATCH_BYTES: Final = 256 * 1024
INPUT_TYPES: Final = ("CSV", "JSON", "JSONL", "MANIFEST")
_LABEL: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_READERS: Final = ("arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2")
_WRITERS: Final = ("arn:aws:states:::s3:putObject",)
_READER_CONFIG: Final = frozenset(
    {
        "InputType",
        "Transformation",
        "ManifestType",
        "CSVDelimiter",
        "CSVHeaderLocation",
        "CSVHeaders",
        "ItemsPointer",
        "MaxItems",
        "MaxItemsPath",
    }
)
_BATCHER: Final = frozenset(
    {
        "BatchInput",
        "MaxItemsPerBatch",
        "MaxItemsPerBatchPath",
        "MaxInputBytesPerBatch",
        "MaxInputBytesPerBatchPath",
    }
)


def is_distributed(state: JsonObject) -> bool:
    """Return whether the Map `state` is in DISTRIBUTED mode."""
    return processor_config(state).get("Mode") == "DISTRIBUTED"


def processor_config(state: JsonObject) -> JsonObject:
    """Return the ProcessorConfig of the Map `state`, or an empty object."""
    processor = state.get("ItemProcessor")
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return config if isinstance(config, dict) else {}


def check_map(place: Place, state: JsonObject) -> None:
    """Check how the fields of the Map `state` go together."""
    if ("ItemProcessor" in state) == ("Iterator" in state):
        place.error("Exactly one of these fields is required: [ItemProcessor, Iterator]")
    place.expect_at_most_one(state, "ItemSelector", "Parameters")
    for name in ("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"):
        place.expect_at_most_one(state, name, f"{name}Path")
    if is_distributed(state):
        if place.machine_type == "EXPRESS":
            place.error("Express state machine does not support Map state in DISTRIBUTED mode")
        return
    for name in DISTRIBUTED_ONLY:
        if name in state:
            place.error(f"Field '{name}' is only supported in DISTRIBUTED mode")


def check_processor_config(place: Place, value: Json) -> None:
    """Check ProcessorConfig: a mode, and for DISTRIBUTED the type of the child executions."""
    config = place.expect_object(value)
    if config is None:
        return
    place.expect_fields(config, frozenset({"Mode", "ExecutionType"}))
    if "Mode" in config:
        place.at("/Mode").expect_one_of(config["Mode"], ("INLINE", "DISTRIBUTED"))
    if config.get("Mode") == "DISTRIBUTED":
        if "ExecutionType" not in config:
            place.error("These fields are required: [ExecutionType]")
            return
        kinds = ("STANDARD", "EXPRESS")
        place.at("/ExecutionType").expect_one_of(config["ExecutionType"], kinds)
    elif "ExecutionType" in config:
        place.error("Field 'ExecutionType' is only supported in DISTRIBUTED mode")


def check_label(place: Place, value: Json) -> None:
    """Check Label, which becomes part of the Map Run's ARN."""
    text = place.expect_string(value)
    if text is not None and not _LABEL.fullmatch(text):
        place.error(
            f"The label '{text}' is invalid: at most 40 letters, digits, '-' and '_'",
            INVALID_LABEL_NAME,
        )


def check_item_reader(place: Place, value: Json) -> None:
    """Check ItemReader."""
    reader = place.expect_object(value)
    if reader is None:
        return
    _check_access(place, reader, _READERS, "ReaderConfig")
    if "ReaderConfig" in reader:
        config = place.at("/ReaderConfig").expect_object(reader["ReaderConfig"])
        if config is not None:
            _check_reader_config(place.at("/ReaderConfig"), config)
    elif str(reader.get("Resource")).endswith("getObject"):
        place.error("These fields are required: [ReaderConfig]")


def _check_access(
    place: Place, source: JsonObject, resources: tuple[str, ...], config: str
) -> None:
    """Check the resource and the arguments of a reader or writer."""
    arguments, other = ("Arguments", "Parameters")[:: 1 if place.uses_jsonata else -1]
    place.expect_fields(source, frozenset({"Resource", config, arguments, other}))
    if other in source:
        place.at(f"/{other}").error(
            f"The QueryLanguage is set to '{place.language}', but field '{other}' is not part of it"
        )
    if "Resource" in source or resources == _READERS:
        missing = [name for name in ("Resource", arguments) if name not in source]
        if missing:
            place.error(f"These fields are required: [{', '.join(missing)}]")
    if "Resource" in source and source["Resource"] not in resources:
        place.at("/Resource").error(
            f"Value should be one of the following: [{', '.join(resources)}]"
        )
    if arguments in source:
        check_template(place.at(f"/{arguments}"), source[arguments], arguments)


def _check_reader_config(place: Place, config: JsonObject) -> None:
    place.expect_fields(config, _READER_CONFIG)
    choices = {
        "InputType": INPUT_TYPES,
        "Transformation": ("NONE", "LOAD_AND_FLATTEN"),
        "ManifestType": ("ATHENA_DATA", "S3_INVENTORY"),
        "CSVDelimiter": tuple(items.DELIMITERS),
        "CSVHeaderLocation": ("FIRST_ROW", "GIVEN"),
    }
    for name, allowed in choices.items():
        if name in config:
            place.at(f"/{name}").expect_one_of(config[name], allowed)
    _check_csv(place, config)
    _check_pointer(place, config)
    _check_limit(place, config, "MaxItems", items.MOST_ITEMS)


def _check_csv(place: Place, config: JsonObject) -> None:
    if config.get("InputType") == "CSV" and "CSVHeaderLocation" not in config:
        place.error("These fields are required: [CSVHeaderLocation]")
    if config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        place.error("These fields are required: [CSVHeaders]")
    if "CSVHeaders" in config:
        names = place.at("/CSVHeaders").expect_array(config["CSVHeaders"])
        if names is not None and not all(isinstance(name, str) for name in names):
            place.at("/CSVHeaders").error("Expected values of type [STRING]")


def _check_pointer(place: Place, config: JsonObject) -> None:
    if "ItemsPointer" not in config:
        return
    place = place.at("/ItemsPointer")
    pointer = place.expect_string(config["ItemsPointer"])
    if config.get("InputType") != "JSON":
        place.error("Field 'ItemsPointer' is only supported for the InputType JSON")
    elif pointer is not None and not pointer.startswith("/"):
        place.error("Value is not a JSON Pointer")


def _check_limit(place: Place, source: JsonObject, name: str, most: int, least: int = 0) -> None:
    """Check a limit that is given as a number or as a path."""
    place.expect_at_most_one(source, name, f"{name}Path")
    if name in source:
        check_number(place.at(f"/{name}"), source[name], least, most)
    if f"{name}Path" in source:
        path = place.at(f"/{name}Path")
        if place.uses_jsonata:
            path.error(f"Field '{name}Path' is only supported for the 'JSONPath' QueryLanguage")
        check_reference_path(path, source[f"{name}Path"])


def check_item_batcher(place: Place, value: Json) -> None:
    """Check ItemBatcher."""
    batcher = place.expect_object(value)
    if batcher is None:
        return
    place.expect_fields(batcher, _BATCHER)
    if not any(name.startswith("Max") for name in batcher):
        place.error("One of these fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]")
    _check_limit(place, batcher, "MaxItemsPerBatch", items.MOST_ITEMS, 1)
    _check_limit(place, batcher, "MaxInputBytesPerBatch", MOST_BATCH_BYTES, 1)
    if "BatchInput" in batcher:
        given, at = batcher["BatchInput"], place.at("/BatchInput")
        if not isinstance(given, dict) and not (
            place.uses_jsonata and jsonata.is_expression(given)
        ):
            at.error("Expected value of type [OBJECT]")
        check_template(at, given, "BatchInput")


def check_result_writer(place: Place, value: Json) -> None:
    """Check ResultWriter: where results go, how they look, or both."""
    writer = place.expect_object(value)
    if writer is None:
        return
    if not writer:
        place.error("One of these fields is required: [Resource, WriterConfig]")
    _check_access(place, writer, _WRITERS, "WriterConfig")
    if "WriterConfig" not in writer:
        return
    place = place.at("/WriterConfig")
    config = place.expect_object(writer["WriterConfig"])
    if config is None:
        return
    names = ("Transformation", "OutputType")
    place.expect_fields(config, frozenset(names), names)
    if "Transformation" in config:
        kinds = ("NONE", "COMPACT", "FLATTEN")
        place.at("/Transformation").expect_one_of(config["Transformation"], kinds)
    if "OutputType" in config:
        place.at("/OutputType").expect_one_of(config["OutputType"], ("JSON", "JSONL"))
