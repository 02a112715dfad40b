"""Opaque cursors of listings and searches, bound to the filters of the first page."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping

from chalicelib.errors import InvalidInput

_MAX_CURSOR = 512
DOCUMENT_ID_PATTERN = r"doc_[a-z0-9]{24}"
_NAME_PATTERN = r"(srch_[0-9A-Z]{26})?"


def write_cursor(last_id: str, filters: Mapping[str, str | None]) -> str:
    """Return the cursor of the page after `last_id`.

    It holds no tenant: a listing is always of the caller's tenant, whoever got the cursor.
    """
    return _write({"after": last_id, "of": _fingerprint(filters)})


def read_cursor(
    cursor: str, filters: Mapping[str, str | None], pattern: str = DOCUMENT_ID_PATTERN
) -> str:
    """Return the last id of the page before `cursor`.

    Args:
        cursor: The cursor as the caller sent it.
        filters: The filters of this request.
        pattern: A regular expression for the whole id.

    Raises:
        InvalidInput: This API did not write the cursor, or wrote it for other filters.
    """
    content = _decode(cursor)
    if not isinstance(content, dict) or set(content) != {"after", "of"}:
        raise _invalid()
    after = content["after"]
    if not isinstance(after, str) or not re.fullmatch(pattern, after, re.ASCII):
        raise _invalid()
    if content["of"] != _fingerprint(filters):
        raise InvalidInput(
            "The cursor belongs to a listing with other filters; begin again without it.",
            field="cursor",
        )
    return after


def write_offset(at: int, asked: Mapping[str, object], name: str) -> str:
    """Return the cursor of the page after the first `at` results of a search.

    Args:
        at: The number of results on the pages so far.
        asked: The fields of the request, less those that differ from page to page.
        name: The id of the search.
    """
    return _write({"at": at, "of": _fingerprint(asked), "id": name})


def read_offset(cursor: str, asked: Mapping[str, object]) -> tuple[int, str]:
    """Return the number of results before `cursor`, and the id of the search.

    Raises:
        InvalidInput: This API did not write the cursor, or wrote it for another search.
    """
    content = _decode(cursor)
    if not isinstance(content, dict) or set(content) != {"at", "of", "id"}:
        raise _invalid()
    at, name = content["at"], content["id"]
    if not isinstance(at, int) or isinstance(at, bool) or at < 1:
        raise _invalid()
    if not isinstance(name, str) or not re.fullmatch(_NAME_PATTERN, name, re.ASCII):
        raise _invalid()
    if content["of"] != _fingerprint(asked):
        raise InvalidInput(
            "The cursor belongs to a search that asked for something else; begin again without it.",
            field="cursor",
        )
    return at, name


def _write(content: Mapping[str, object]) -> str:
    written = json.dumps(content, separators=(",", ":"))
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


def _decode(cursor: str) -> object:
    if not cursor or len(cursor) > _MAX_CURSOR or not cursor.isascii():
        raise _invalid()
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        parsed: object = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _invalid() from error
    return parsed


def _fingerprint(asked: Mapping[str, object]) -> str:
    content = json.dumps(sorted(asked.items()), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _invalid() -> InvalidInput:
    return InvalidInput("The cursor is not one that this API gave out.", field="cursor")
