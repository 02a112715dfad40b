"""Execution histories on their way into CloudWatch Logs, for machines that log.

Express executions have no other history.
https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeAlias

from localcloud.stepfunctions.engine import execution_events
from localcloud.stepfunctions.engine.records import HistoryEvent
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.engine.work_scheduler import WorkScheduler
from localcloud.stepfunctions.integrations.integration import ClientFactory

Configuration: TypeAlias = Mapping[str, Any]
"""The `loggingConfiguration` of a state machine."""

OFF: Final = "OFF"
_FATAL: Final = frozenset({"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"})
_ERROR: Final = _FATAL | {
    "EvaluationFailed",
    "FailStateEntered",
    "LambdaFunctionFailed",
    "LambdaFunctionTimedOut",
    "MapIterationAborted",
    "MapIterationFailed",
    "MapRunAborted",
    "MapRunFailed",
    "MapStateAborted",
    "MapStateFailed",
    "ParallelStateAborted",
    "ParallelStateFailed",
    "TaskFailed",
    "TaskStateAborted",
    "TaskTimedOut",
    "WaitStateAborted",
}
_LEVELS: Final[Mapping[str, frozenset[str] | None]] = {
    "ALL": None,
    "ERROR": _ERROR,
    "FATAL": _FATAL,
    OFF: frozenset(),
}
"""The types of events that a level logs; None stands for all."""

_log = logging.getLogger(__name__)


class _Line(NamedTuple):
    at_ms: int
    text: str


def log_group_of(configuration: Configuration) -> str | None:
    """Return the name of the log group of a configuration, or None if it has none."""
    for destination in configuration.get("destinations", []):
        arn = str(destination.get("cloudWatchLogsLogGroup", {}).get("logGroupArn", ""))
        parts = arn.split(":")
        if len(parts) == 8 and parts[5] == "log-group" and parts[7] == "*":
            return parts[6]
    return None


class ExecutionLog:
    """Writes the events that a machine's level asks for, in the order of their commits.

    `configuration_of` returns the configuration of a revision by its number.
    """

    def __init__(
        self,
        schedule: WorkScheduler,
        clients: ClientFactory,
        configuration_of: Callable[[int], Configuration],
    ) -> None:
        self._schedule = schedule
        self._clients = clients
        self._configuration_of = configuration_of
        self._configurations: dict[int, Configuration] = {}
        self._guard = threading.Lock()
        self._pending: deque[tuple[str, str, _Line]] = deque()
        self._streams: dict[tuple[str, str], str] = {}

    def write(self, run: RunningExecution, events: Sequence[HistoryEvent]) -> None:
        """Add committed events of an execution, which are written soon."""
        configuration = self._configuration(run.identity.revision)
        wanted, group = _LEVELS[configuration.get("level", OFF)], log_group_of(configuration)
        chosen = [event for event in events if wanted is None or event.type in wanted]
        if group is None or not chosen:
            return
        with_data = bool(configuration.get("includeExecutionData"))
        lines = [_line(run, event, with_data=with_data) for event in chosen]
        with self._guard:
            is_first = not self._pending
            self._pending.extend((group, run.identity.machine_name, line) for line in lines)
        if is_first:
            self._schedule.run_blocking(self._flush)

    def _configuration(self, revision: int) -> Configuration:
        found = self._configurations.get(revision)
        if found is None:
            found = self._configurations[revision] = self._configuration_of(revision)
        return found

    def _flush(self) -> None:
        with self._guard:
            pending, self._pending = self._pending, deque()
        lines: dict[tuple[str, str], list[_Line]] = defaultdict(list)
        for group, machine, line in pending:
            lines[group, machine].append(line)
        for (group, machine), batch in lines.items():
            try:
                self._put(group, machine, batch)
            except Exception:  # noqa: BLE001 - a log that cannot be written ends no execution
                _log.exception("events of %s were not logged in %s", machine, group)

    def _put(self, group: str, machine: str, batch: list[_Line]) -> None:
        logs = self._clients("logs", "")
        stream = self._streams.get((group, machine))
        if stream is None:
            minute = datetime.fromtimestamp(self._schedule.now(), UTC)
            stream = f"states/{machine}/{minute:%Y-%m-%d-%H-%M}/{id(self):08x}"
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
            self._streams[group, machine] = stream
        entries = [{"timestamp": line.at_ms, "message": line.text} for line in batch]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=entries)


def _line(run: RunningExecution, event: HistoryEvent, *, with_data: bool) -> _Line:
    at_ms = int(event.at * 1000)
    shown = {
        "id": str(event.id),
        "type": event.type,
        "details": execution_events.details_of(event, with_data=with_data),
        "redrive_count": str(run.redrive_count),
        "previous_event_id": str(event.previous),
        "event_timestamp": str(at_ms),
        "execution_arn": run.identity.arn,
    }
    return _Line(at_ms, json.dumps(shown, ensure_ascii=False))
