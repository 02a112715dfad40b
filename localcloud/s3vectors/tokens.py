"""Pagination tokens: where a page ended, and a stamp of the request that it belongs to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from localcloud.s3vectors.errors import invalid


def pack(position: int, scope: str) -> str:
    """Return the token of the page that starts after `position` of the request `scope`."""
    return base64.urlsafe_b64encode(json.dumps([position, _stamp(scope)]).encode()).decode()


def unpack(token: str | None, scope: str) -> int:
    """Return the position in `token`, or 0 without one.

    Raises ValidationException for a token that is not ours or is another request's.
    """
    if token is None:
        return 0
    try:
        position, stamp = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError) as error:
        raise invalid("nextToken", "Invalid pagination token") from error
    if not isinstance(position, int) or stamp != _stamp(scope):
        raise invalid("nextToken", "Invalid pagination token")
    return position


def _stamp(scope: str) -> str:
    return hashlib.sha256(scope.encode()).hexdigest()[:16]
