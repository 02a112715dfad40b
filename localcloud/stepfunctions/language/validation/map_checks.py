"""Check the fields that only Map has.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import re
from typing import Final

from localcloud.stepfunctions.language import map_items
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.validation.diagnostics import (
    INVALID_LABEL_NAME,
    ValidationContext,
)
from localcloud.stepfunctions.language.validation.template_checks import (
    check_number,
    check_reference_path,
    check_template,
)
from localcloud.stepfunctions.language.values import Json, JsonObject

DISTRIBUTED_ONLY: Final = ("ItemReader", "ItemBatcher", "ResultWriter", "Label")
"""Fields that an inline Map must not have; it may have those of tolerated failures."""

MAX_BATCH_BYTES: Final = 256 * 1024
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
    """Return the ProcessorConfig of the Map `state`, or an empty object.

    The older Iterator may have one too.
    """
    processor = state.get("ItemProcessor", state.get("Iterator"))
    config = processor.get("ProcessorConfig") if isinstance(processor, dict) else None
    return config if isinstance(config, dict) else {}


def check_map(context: ValidationContext, state: JsonObject) -> None:
    """Check the combination of the fields of the Map `state`."""
    if ("ItemProcessor" in state) == ("Iterator" in state):
        context.error("Exactly one of these fields is required: [ItemProcessor, Iterator]")
    context.expect_at_most_one(state, "ItemSelector", "Parameters")
    for name in ("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage"):
        context.expect_at_most_one(state, name, f"{name}Path")
    if is_distributed(state):
        if context.machine_type == "EXPRESS":
            context.error("Express state machine does not support Map state in DISTRIBUTED mode")
        return
    for name in DISTRIBUTED_ONLY:
        if name in state:
            context.error(f"Field '{name}' is only supported in DISTRIBUTED mode")


def check_processor_config(context: ValidationContext, value: Json) -> None:
    """Check ProcessorConfig: a mode, and for DISTRIBUTED the type of the child executions."""
    config = context.expect_object(value)
    if config is None:
        return
    context.expect_fields(config, frozenset({"Mode", "ExecutionType"}))
    if "Mode" in config:
        context.at("/Mode").expect_one_of(config["Mode"], ("INLINE", "DISTRIBUTED"))
    if config.get("Mode") == "DISTRIBUTED":
        if "ExecutionType" not in config:
            context.error("These fields are required: [ExecutionType]")
            return
        kinds = ("STANDARD", "EXPRESS")
        context.at("/ExecutionType").expect_one_of(config["ExecutionType"], kinds)
    elif "ExecutionType" in config:
        context.error("Field 'ExecutionType' is only supported in DISTRIBUTED mode")


def check_label(context: ValidationContext, value: Json) -> None:
    """Check Label, which becomes part of the Map Run's ARN."""
    text = context.expect_string(value)
    if text is not None and not _LABEL.fullmatch(text):
        context.error(
            f"The label '{text}' is invalid: at most 40 letters, digits, '-' and '_'",
            INVALID_LABEL_NAME,
        )


def check_item_reader(context: ValidationContext, value: Json) -> None:
    """Check ItemReader."""
    reader = context.expect_object(value)
    if reader is None:
        return
    _check_access(context, reader, _READERS, "ReaderConfig")
    if "ReaderConfig" in reader:
        config = context.at("/ReaderConfig").expect_object(reader["ReaderConfig"])
        if config is not None:
            _check_reader_config(context.at("/ReaderConfig"), config)
    elif str(reader.get("Resource")).endswith("getObject"):
        context.error("These fields are required: [ReaderConfig]")


def _check_access(
    context: ValidationContext, source: JsonObject, resources: tuple[str, ...], config: str
) -> None:
    """Check the resource and the arguments of a reader or writer."""
    arguments, other = ("Arguments", "Parameters")[:: 1 if context.uses_jsonata else -1]
    context.expect_fields(source, frozenset({"Resource", config, arguments, other}))
    if other in source:
        context.at(f"/{other}").error(
            f"The QueryLanguage is set to '{context.language}', but field '{other}' is not part "
            "of it"
        )
    if "Resource" in source or resources == _READERS:
        missing = [name for name in ("Resource", arguments) if name not in source]
        if missing:
            context.error(f"These fields are required: [{', '.join(missing)}]")
    if "Resource" in source and source["Resource"] not in resources:
        context.at("/Resource").error(
            f"Value should be one of the following: [{', '.join(resources)}]"
        )
    if arguments in source:
        check_template(context.at(f"/{arguments}"), source[arguments], arguments)


def _check_reader_config(context: ValidationContext, config: JsonObject) -> None:
    context.expect_fields(config, _READER_CONFIG)
    choices = {
        "InputType": INPUT_TYPES,
        "Transformation": ("NONE", "LOAD_AND_FLATTEN"),
        "ManifestType": ("ATHENA_DATA", "S3_INVENTORY"),
        "CSVDelimiter": tuple(map_items.DELIMITERS),
        "CSVHeaderLocation": ("FIRST_ROW", "GIVEN"),
    }
    for name, allowed in choices.items():
        if name in config and not _is_of_aws_only(context.at(f"/{name}"), name, config[name]):
            context.at(f"/{name}").expect_one_of(config[name], allowed)
    _check_input_type(context, config)
    _check_csv(context, config)
    _check_pointer(context, config)
    _check_limit(context, config, "MaxItems", map_items.MAX_ITEMS)


def _is_of_aws_only(context: ValidationContext, name: str, value: Json) -> bool:
    """Refuse what AWS reads and the local cloud does not; return whether it is that."""
    if (name, value) != ("InputType", "PARQUET"):
        return False
    context.error("The local cloud cannot read the InputType PARQUET; it works on AWS only")
    return True


def _check_input_type(context: ValidationContext, config: JsonObject) -> None:
    """Check that the type of items is given where files are read, and only there."""
    kind, manifest = config.get("InputType"), config.get("ManifestType")
    if manifest == "S3_INVENTORY" and kind not in (None, "MANIFEST"):
        context.error("Field 'InputType' must not be set for the ManifestType S3_INVENTORY")
    if manifest == "ATHENA_DATA" and kind in (None, "MANIFEST"):
        context.error("The ManifestType ATHENA_DATA requires the InputType of its files")
    if config.get("Transformation") == "LOAD_AND_FLATTEN" and kind is None:
        context.error("The Transformation LOAD_AND_FLATTEN requires an InputType")


def _check_csv(context: ValidationContext, config: JsonObject) -> None:
    if config.get("InputType") == "CSV" and "CSVHeaderLocation" not in config:
        context.error("These fields are required: [CSVHeaderLocation]")
    if config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        context.error("These fields are required: [CSVHeaders]")
    if "CSVHeaders" in config:
        names = context.at("/CSVHeaders").expect_array(config["CSVHeaders"])
        if names is not None and not all(isinstance(name, str) for name in names):
            context.at("/CSVHeaders").error("Expected values of type [STRING]")


def _check_pointer(context: ValidationContext, config: JsonObject) -> None:
    if "ItemsPointer" not in config:
        return
    context = context.at("/ItemsPointer")
    pointer = context.expect_string(config["ItemsPointer"])
    if config.get("InputType") != "JSON":
        context.error("Field 'ItemsPointer' is only supported for the InputType JSON")
    elif pointer is not None and not pointer.startswith("/"):
        context.error("Value is not a JSON Pointer")


def _check_limit(
    context: ValidationContext, source: JsonObject, name: str, maximum: int, minimum: int = 0
) -> None:
    """Check a limit that is given as a number or as a path."""
    context.expect_at_most_one(source, name, f"{name}Path")
    if name in source:
        check_number(context.at(f"/{name}"), source[name], minimum, maximum)
    if f"{name}Path" in source:
        path = context.at(f"/{name}Path")
        if context.uses_jsonata:
            path.error(f"Field '{name}Path' is only supported for the 'JSONPath' QueryLanguage")
        check_reference_path(path, source[f"{name}Path"])


def check_item_batcher(context: ValidationContext, value: Json) -> None:
    """Check ItemBatcher."""
    batcher = context.expect_object(value)
    if batcher is None:
        return
    context.expect_fields(batcher, _BATCHER)
    if not any(name.startswith("Max") for name in batcher):
        context.error("One of these fields is required: [MaxItemsPerBatch, MaxInputBytesPerBatch]")
    _check_limit(context, batcher, "MaxItemsPerBatch", map_items.MAX_ITEMS, 1)
    _check_limit(context, batcher, "MaxInputBytesPerBatch", MAX_BATCH_BYTES, 1)
    if "BatchInput" in batcher:
        given, at = batcher["BatchInput"], context.at("/BatchInput")
        if not isinstance(given, dict) and not (
            context.uses_jsonata and templates.is_expression(given)
        ):
            at.error("Expected value of type [OBJECT]")
        check_template(at, given, "BatchInput")


def check_result_writer(context: ValidationContext, value: Json) -> None:
    """Check ResultWriter: where results go, their format, or both."""
    writer = context.expect_object(value)
    if writer is None:
        return
    if not writer:
        context.error("One of these fields is required: [Resource, WriterConfig]")
    _check_access(context, writer, _WRITERS, "WriterConfig")
    if "WriterConfig" not in writer:
        return
    context = context.at("/WriterConfig")
    config = context.expect_object(writer["WriterConfig"])
    if config is None:
        return
    names = ("Transformation", "OutputType")
    context.expect_fields(config, frozenset(names), names)
    if "Transformation" in config:
        kinds = ("NONE", "COMPACT", "FLATTEN")
        context.at("/Transformation").expect_one_of(config["Transformation"], kinds)
    if "OutputType" in config:
        context.at("/OutputType").expect_one_of(config["OutputType"], ("JSON", "JSONL"))
