"""Definitions of functions, checked and described as AWS does it, and where their code is."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from localcloud.errors import AwsError

LATEST = "$LATEST"
_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")
_HANDLER = re.compile(r"[^\s.]+(\.[^\s.]+)+")
_DESTINATION = re.compile(r"arn:[^:]+:(sqs|sns|lambda|events):[^:]*:[^:]*:.+")
_RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    }
)

_SNAP_START_STORAGE_MB = 512
"""https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html"""


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message)


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One function of the template.

    `handler` is `package.module.attribute` below `code_path`, a folder that is first on
    `sys.path` and is the working directory. When an asynchronous invocation fails for good,
    `failure_destination` gets AWS's invocation record, `dead_letter` the bare event.
    `storage_mb` is shown and not enforced, as environments share this disk. So is `snap_start`:
    no snapshot is taken. `log_group` is empty for the default one. Limits are AWS's: memory 128
    to 10,240 MB, timeout 1 to 900 s, at most 2 retries, event age 60 to 21,600 s.
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """

    name: str
    handler: str
    code_path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: int = 3
    role_arn: str = ""
    reserved_concurrency: int | None = None
    architecture: str = "x86_64"
    runtime: str = "python3.13"
    description: str = ""
    dead_letter: str | None = None
    failure_destination: str | None = None
    maximum_retry_attempts: int = 2
    maximum_event_age_s: int = 21_600
    tracing: str = "PassThrough"
    storage_mb: int = 512
    tags: Mapping[str, str] = field(default_factory=dict)
    log_format: str = "Text"
    log_group: str = ""
    snap_start: bool = False
    recursive_loop: str = "Terminate"
    version: str = LATEST

    def __post_init__(self) -> None:
        """Raise InvalidParameterValueException for a value that AWS refuses."""
        if not _NAME.fullmatch(self.name):
            raise _invalid(f"{self.name!r} is not a function name")
        if not _HANDLER.fullmatch(self.handler):
            raise _invalid(f"{self.handler!r} is not a handler; write module.function")
        if not self.code_path.is_dir():
            raise _invalid(f"the code of {self.name} is not a folder: {self.code_path}")
        self._check_numbers()
        self._check_texts()

    def _check_numbers(self) -> None:
        bounds = (
            ("MemorySize", self.memory_mb, 128, 10_240),
            ("Timeout", self.timeout_s, 1, 900),
            ("EphemeralStorage", self.storage_mb, 512, 10_240),
            ("MaximumRetryAttempts", self.maximum_retry_attempts, 0, 2),
            ("MaximumEventAgeInSeconds", self.maximum_event_age_s, 60, 21_600),
            ("ReservedConcurrentExecutions", self.reserved_concurrency or 0, 0, 1_000),
        )
        for name, value, low, high in bounds:
            if not low <= value <= high:
                raise _invalid(f"{name} of {self.name} is {value}; {low} to {high} is allowed")

    def _check_texts(self) -> None:
        reserved = sorted(_RESERVED_VARIABLES.intersection(self.environment))
        if reserved:
            raise _invalid(
                f"{self.name} sets variables that Lambda reserves: {', '.join(reserved)}"
            )
        if self.log_format not in ("Text", "JSON"):
            raise _invalid(f"the log format of {self.name} is {self.log_format!r}")
        if self.snap_start and self.storage_mb > _SNAP_START_STORAGE_MB:
            raise _invalid(
                f"SnapStart of {self.name} takes {_SNAP_START_STORAGE_MB} MB of EphemeralStorage "
                f"at most, not {self.storage_mb}"
            )
        if self.tracing not in ("Active", "PassThrough"):
            raise _invalid(f"tracing of {self.name} is {self.tracing!r}")
        if self.recursive_loop not in ("Allow", "Terminate"):
            raise _invalid(f"RecursiveLoop of {self.name} is {self.recursive_loop!r}")
        for arn in filter(None, (self.dead_letter, self.failure_destination)):
            if not _DESTINATION.fullmatch(arn):
                raise _invalid(f"{self.name} cannot send its failures to {arn!r}")
        if self.dead_letter and self.dead_letter.split(":")[2] not in ("sqs", "sns"):
            raise _invalid(f"the dead-letter target of {self.name} must be a queue or a topic")


def describe_configuration(spec: FunctionSpec, arn: str, modified: str) -> dict[str, Any]:
    """Return `spec` as GetFunctionConfiguration shows it, without code size and hash."""
    shown: dict[str, Any] = {
        "FunctionName": spec.name,
        "FunctionArn": arn,
        "Runtime": spec.runtime,
        "Role": spec.role_arn,
        "Handler": spec.handler,
        "Description": spec.description,
        "Timeout": spec.timeout_s,
        "MemorySize": spec.memory_mb,
        "LastModified": modified,
        "Version": spec.version,
        "TracingConfig": {"Mode": spec.tracing},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [spec.architecture],
        "EphemeralStorage": {"Size": spec.storage_mb},
        "SnapStart": {
            "ApplyOn": "PublishedVersions" if spec.snap_start else "None",
            "OptimizationStatus": "On" if spec.snap_start and spec.version != LATEST else "Off",
        },
        "LoggingConfig": {
            "LogFormat": spec.log_format,
            "LogGroup": spec.log_group or f"/aws/lambda/{spec.name}",
        },
    }
    if spec.environment:
        shown["Environment"] = {"Variables": dict(spec.environment)}
    if spec.dead_letter:
        shown["DeadLetterConfig"] = {"TargetArn": spec.dead_letter}
    return shown


DEVELOPMENT_INTERPRETER = Path(sys.executable)
"""The Python of this environment, which has every package of every function."""


@dataclass(frozen=True, slots=True)
class FunctionCode:
    """Where functions run from: `folder_of` a logical id, by the Python `interpreter`."""

    folder_of: Callable[[str], Path]
    interpreter: Path = DEVELOPMENT_INTERPRETER

    @classmethod
    def from_source_tree(cls, project: Path) -> FunctionCode:
        """Return code for which every function runs from the source tree `project`."""
        return cls(lambda _: project)
