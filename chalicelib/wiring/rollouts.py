"""The composition root of rollouts on the path of calls."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.errors import HeadraceError
from chalicelib.observability import log_refusal, logger
from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.rollouts.arms import ReadTraffic

SERVICE = "rollouts"


def live_traffic(environ: Mapping[str, str]) -> ReadTraffic:
    """Return what tells which rollouts of a tenant divide its calls, one reader a process."""
    return _traffic(RecordsSettings.from_environ(environ))


@functools.cache
def _traffic(settings: RecordsSettings) -> ReadTraffic:
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.live_traffic import CachedTraffic
    from chalicelib.adapters.records.rollouts import RolloutTable

    table = RolloutTable(DynamoTable(aws.dynamodb(), settings.records_table))
    return CachedTraffic(table, time.monotonic, _log)


def _log(error: HeadraceError) -> None:
    log_refusal(logger(SERVICE), error)
