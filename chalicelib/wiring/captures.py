"""The composition root of captures: what has calls captured, whichever entry point answers them."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from chalicelib.errors import HeadraceError
from chalicelib.observability import log_refusal, logger
from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.captures.recorder import CallRecorder

SERVICE = "captures"
MONITOR_SECONDS = 10.0
"""A monitor that is set or removed takes effect within so many seconds in every process."""


def call_recorder(environ: Mapping[str, str]) -> CallRecorder:
    """Return what captures calls on the stage that `environ` describes, built once a process."""
    return _recorder(RecordsSettings.from_environ(environ))


@functools.cache
def _recorder(settings: RecordsSettings) -> CallRecorder:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.captures import CapturedCallTable
    from chalicelib.adapters.records.monitors import CachedMonitors, MonitorTable
    from chalicelib.adapters.records.screening import CachedPolicies, ScreeningTable
    from chalicelib.captures.recorder import CallRecorder
    from chalicelib.jobs.ulids import ulid

    # The client of the answer log: a record that is not worth waiting for.
    table = DynamoTable(aws.asked_dynamodb(), settings.records_table)
    return CallRecorder(
        settings=CachedMonitors(MonitorTable(table).monitors, time.monotonic, MONITOR_SECONDS),
        policies=CachedPolicies(ScreeningTable(table), time.monotonic, MONITOR_SECONDS),
        calls=CapturedCallTable(table),
        utcnow=lambda: datetime.now(UTC),
        new_ulid=ulid,
        on_error=_log,
    )


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)
