"""Conversion of tables that an earlier version kept as a journal of calls.

The calls are made again, in their order, on a new database. It takes its place only when it is
complete, and names the last call that it has; only then are the calls removed from the journal.
So a conversion that was interrupted starts anew or is completed.
"""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

from localcloud.database import Database
from localcloud.dynamodb.service import DATABASE, NAME, DynamoDbService
from localcloud.errors import AwsError
from localcloud.moto.journal import Journal, RawCall
from localcloud.service import CloudContext

JOURNAL = Path("moto", "journal.sqlite3")
_log = logging.getLogger(__name__)


class ConversionError(Exception):
    """Raised when tables of an earlier version cannot be converted; they stay as they are."""


def open_dynamodb(context: CloudContext) -> DynamoDbService:
    """Open DynamoDB, after converting what an earlier version left in the data folder.

    Raises:
        ConversionError: That cannot be done.
    """
    file = context.data_dir / JOURNAL
    if file.exists():
        journal = Journal(file)
        try:
            _convert(context, journal)
        finally:
            journal.close()
    return DynamoDbService(context)


def _convert(context: CloudContext, journal: Journal) -> None:
    calls = journal.calls_of(NAME)
    if not calls:
        return
    last = calls[-1][0]
    target = context.folder(NAME) / DATABASE
    if target.exists():
        if _last_call(target) != last:
            raise ConversionError(
                f"{context.data_dir / JOURNAL} has writes to tables that an earlier version made "
                f"after {target} existed. Move that file away to keep the earlier version's "
                "tables, or start with a copy of the folder from before."
            )
    else:
        _log.info("converting %s writes to tables of an earlier version", len(calls))
        _rebuild(context, [call for _, call in calls], last, target)
    journal.remove_calls_of(NAME)


def _rebuild(context: CloudContext, calls: list[RawCall], last: int, target: Path) -> None:
    draft = replace(context, data_dir=target.parent / "conversion")
    shutil.rmtree(draft.data_dir, ignore_errors=True)
    service = DynamoDbService(draft)
    try:
        for number, call in enumerate(calls, 1):
            _repeat(service, call, number)
    finally:
        service.close()
    file = draft.folder(NAME) / DATABASE
    _set_last_call(file, last)
    file.replace(target)
    shutil.rmtree(draft.data_dir)


def _repeat(service: DynamoDbService, call: RawCall, number: int) -> None:
    params = json.loads(call.body)
    params.pop("ClientRequestToken", None)  # the journal has a call once, whatever its token
    try:
        service.handle(call.operation, params)
    except AwsError as error:
        raise ConversionError(
            f"The {call.operation} that an earlier version made as its write number {number} is "
            f"refused now: {error}. Nothing was changed. Start the earlier version once more to "
            "export what you need, or choose another --data-dir."
        ) from error


def _set_last_call(file: Path, last: int) -> None:
    database = Database(file, "")
    database.write(f"PRAGMA user_version = {last}")
    database.close()


def _last_call(file: Path) -> int:
    database = Database(file, "")
    [row] = database.read("PRAGMA user_version")
    database.close()
    return int(row[0])
