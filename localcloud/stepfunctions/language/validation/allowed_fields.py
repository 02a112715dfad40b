"""The fields of the states, by type and by query language.

https://docs.aws.amazon.com/step-functions/latest/dg/workflow-states.html
"""

from __future__ import annotations

from typing import Final

_MOVING: Final = ("Next", "End", "InputPath", "OutputPath", "Output", "Assign")
_WORKING: Final = (
    *_MOVING,
    "Parameters",
    "Arguments",
    "ResultSelector",
    "ResultPath",
    "Retry",
    "Catch",
)
_EVERY: Final = ("Type", "Comment", "QueryLanguage")
FIELDS: Final[dict[str, frozenset[str]]] = {
    name: frozenset(_EVERY + fields)
    for name, fields in {
        "Task": (
            *_WORKING,
            "Resource",
            "TimeoutSeconds",
            "TimeoutSecondsPath",
            "HeartbeatSeconds",
            "HeartbeatSecondsPath",
            "Credentials",
        ),
        "Pass": (*_MOVING, "Parameters", "Result", "ResultPath"),
        "Choice": ("Choices", "Default", "InputPath", "OutputPath", "Output", "Assign"),
        "Wait": (*_MOVING, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
        "Succeed": ("InputPath", "OutputPath", "Output"),
        "Fail": ("Error", "ErrorPath", "Cause", "CausePath"),
        "Parallel": (*_WORKING, "Branches"),
        "Map": (
            *_WORKING,
            "ItemProcessor",
            "Iterator",
            "Items",
            "ItemsPath",
            "ItemSelector",
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "Label",
            "MaxConcurrency",
            "MaxConcurrencyPath",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        ),
    }.items()
}
"""The allowed fields of each type of state."""

REQUIRED: Final = {"Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",)}
JSONATA_ONLY: Final = ("Output", "Arguments", "Items")
JSONPATH_ONLY: Final = (
    "InputPath",
    "OutputPath",
    "ResultPath",
    "ResultSelector",
    "Parameters",
    "Result",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "ErrorPath",
    "CausePath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "MaxConcurrencyPath",
    "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath",
)
EXCLUSIVE: Final = (
    ("Next", "End"),
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
)
