"""Pages of a list with an opaque token, as AWS list operations return them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


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


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _decode(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidToken("Invalid NextToken value.") from error
