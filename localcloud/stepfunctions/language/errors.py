"""Error names of the language, and the exceptions for states and definitions."""

from __future__ import annotations

from typing import Final

ALL: Final = "States.ALL"
DATA_LIMIT_EXCEEDED: Final = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURE_THRESHOLD: Final = "States.ExceedToleratedFailureThreshold"
HEARTBEAT_TIMEOUT: Final = "States.HeartbeatTimeout"
ITEM_READER_FAILED: Final = "States.ItemReaderFailed"
REFERENCE_PATH_CONFLICT: Final = "States.ReferencePathConflict"
PERMISSIONS: Final = "States.Permissions"
QUERY_EVALUATION_ERROR: Final = "States.QueryEvaluationError"
RESULT_WRITER_FAILED: Final = "States.ResultWriterFailed"
RUNTIME: Final = "States.Runtime"
TASK_FAILED: Final = "States.TaskFailed"
TIMEOUT: Final = "States.Timeout"
MAX_DATA_BYTES: Final = 262_144
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class StatesError(Exception):
    """A state failed with error `name`, for example `States.Runtime`, and `cause`.

    `where` is the field whose evaluation failed, as EvaluationFailed names it.
    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """

    def __init__(self, name: str, cause: str = "", where: str | None = None) -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause
        self.where = where


class InvalidDefinition(Exception):  # noqa: N818 - AWS's own name
    """The text is not a state machine; `str()` is CreateStateMachine's message."""


class ReportedError(StatesError):
    """An error that a definition, a task or a limit reports: its cause is used unchanged.

    `also` is another name that Retry and Catch match; `by_task` says that the task, and not the
    state, reported it. `nullable` says that an absent name or cause is null for a Catch.
    """

    def __init__(
        self,
        name: str,
        cause: str = "",
        *,
        also: str | None = None,
        by_task: bool = False,
        nullable: bool = False,
    ) -> None:
        super().__init__(name, cause)
        self.also = also
        self.by_task = by_task
        self._absent = None if nullable else ""

    @property
    def output(self) -> dict[str, str | None]:
        """The error output, as a Catch receives it."""
        return {"Error": self.name or self._absent, "Cause": self.cause or self._absent}


def data_limit_exceeded(what: str, *, by_task: bool = False) -> ReportedError:
    """Return the error for data of the state or task `what` above the limit."""
    return ReportedError(
        DATA_LIMIT_EXCEEDED,
        f"The state/task '{what}' returned a result with a size exceeding the maximum number of "
        "bytes service limit.",
        by_task=by_task,
    )
