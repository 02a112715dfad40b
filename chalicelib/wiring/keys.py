"""The composition root of the authorizer."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib.settings import RecordsSettings

if TYPE_CHECKING:
    from chalicelib.adapters.records.api_keys import ApiKeyTable


def keys(environ: Mapping[str, str]) -> ApiKeyTable:
    """Return the keys of the stage that `environ` describes, built once a process."""
    return _records(RecordsSettings.from_environ(environ))


@functools.cache
def _records(settings: RecordsSettings) -> ApiKeyTable:
    # Imported here: other Lambdas ship the same `app.py` and need none of this to start.
    from chalicelib.adapters import aws
    from chalicelib.adapters.dynamodb import DynamoTable
    from chalicelib.adapters.records.api_keys import ApiKeyTable

    return ApiKeyTable(DynamoTable(aws.dynamodb(), settings.records_table))
