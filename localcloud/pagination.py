"""Pages of a list with an opaque token, as AWS list operations return them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from localcloud.errors import AwsError
from localcloud.service import Params, Result

Item = TypeVar("Item")
_MAX_MARKER_ITEMS = 50


class InvalidToken(ValueError):  # noqa: N818 - AWS's own word
    """A page token that this cloud did not issue."""


def page(
    items: Sequence[Item], key: Callable[[Item], str], limit: int, token: str | None
) -> tuple[list[Item], str | None]:
    """Return one page of `items`, and the token of the next page or None.

    Args:
        items: All items, sorted by `key`.
        key: Returns a unique text for each item.
        limit: The most items of a page.
        token: The token that came with the page before, None for the first page.

    Raises:
        InvalidToken: This cloud did not issue the token.
    """
    after = _decode(token)
    remaining = [item for item in items if after is None or key(item) > after]
    chosen = remaining[:limit]
    has_more = len(remaining) > limit
    return chosen, _encode(key(chosen[-1])) if has_more and chosen else None


def marker_page(
    member: str,
    items: Sequence[Mapping[str, Any]],
    params: Params,
    key: Callable[[Mapping[str, Any]], str],
) -> Result:
    """Return the page of `items` that `params` asks for, as Lambda's list operations do.

    Args:
        member: The name of the list in the result.
        items: All items, sorted by `key`.
        params: The parameters of the operation, with MaxItems and Marker.
        key: Returns a unique text for each item.

    Raises:
        AwsError: InvalidParameterValueException for a marker that this cloud did not issue.
    """
    limit = min(int(params.get("MaxItems") or _MAX_MARKER_ITEMS), _MAX_MARKER_ITEMS)
    try:
        chosen, marker = page(items, key, limit, params.get("Marker"))
    except InvalidToken as error:
        raise AwsError("InvalidParameterValueException", f"Invalid Marker. {error}") from error
    return {member: chosen, "NextMarker": marker} if marker else {member: chosen}


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("Invalid NextToken value.") from error
