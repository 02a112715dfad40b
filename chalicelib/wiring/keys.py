"""The composition root of the authorizer."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.adapters.key_records import KeyRecords


def keys(environ: Mapping[str, str]) -> KeyRecords:
    """Return the keys of the stage that `environ` describes, built once a process."""
    return _records(RecordsSettings.from_environ(environ))


@functools.cache
def _records(settings: RecordsSettings) -> KeyRecords:
    # Imported here: other Lambdas ship the same `app.py` and need none of this to start.
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import Table
    from chalicelib.adapters.key_records import KeyRecords

    return KeyRecords(Table(aws.dynamodb(), settings.records_table))
