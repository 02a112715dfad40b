"""Listing with prefix, delimiter and paging, over anything that can seek in key order.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html

S3 orders keys by their UTF-8 bytes, which is the order of code points, so Python's and
SQLite's own orders of text serve.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from localcloud.errors import AwsError

FIRST = 2**62
"""As `Position.below`: before the first item of the key."""

LAST = -(2**62)
"""As `Position.below`: after the last item of the key."""

END = "\U0010ffff" * 257
"""Greater than every key: a key has at most 1,024 bytes."""


class Listed(Protocol):
    """An item of a listing; items of one key come by falling rank."""

    @property
    def key(self) -> str: ...

    @property
    def rank(self) -> int: ...


T = TypeVar("T", bound=Listed)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a listing: what follows has a greater key, or this key and a lower rank."""

    key: str
    below: int

    def token(self) -> str:
        """Return the place as an opaque continuation token."""
        return base64.urlsafe_b64encode(json.dumps([self.key, self.below]).encode()).decode()

    @classmethod
    def from_token(cls, token: str) -> Position:
        """Return the place that `token` stands for, or InvalidArgument."""
        refusal = AwsError(
            "InvalidArgument",
            "The continuation token provided is incorrect",
            ArgumentName="continuation-token",
            ArgumentValue=token,
        )
        try:
            key, below = json.loads(base64.b64decode(token, altchars=b"-_", validate=True))
        except (binascii.Error, ValueError, TypeError) as error:
            raise refusal from error
        if not isinstance(key, str) or not isinstance(below, int):
            raise refusal
        return cls(key, below)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is listed: keys that begin with `prefix`, rolled up at `delimiter` after it."""

    prefix: str = ""
    delimiter: str = ""
    limit: int = 1000

    def group_of(self, key: str) -> str | None:
        """Return the common prefix that `key` is rolled up into, None where it stands alone."""
        if not self.delimiter:
            return None
        found = key.find(self.delimiter, len(self.prefix))
        return None if found < 0 else key[: found + len(self.delimiter)]

    def after_marker(self, marker: str) -> Position:
        """Return the place after `marker`, a key or a common prefix of an earlier page."""
        if self.delimiter and marker.startswith(self.prefix) and self.group_of(marker) == marker:
            return past(marker)
        return Position(marker, LAST)


@dataclass(slots=True)
class Page(Generic[T]):
    """One page. `next` is None on the last, `last` the last key or common prefix on it."""

    items: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next: Position | None = None
    last: str = ""

    @property
    def count(self) -> int:
        """How many keys and common prefixes are on the page."""
        return len(self.items) + len(self.prefixes)


Fetch = Callable[[Position, int], Sequence[T]]
"""`fetch(position, limit)`: the next items after `position` that begin with the prefix."""


def list_page(fetch: Fetch[T], selection: Selection, start: Position) -> Page[T]:
    """Return up to `selection.limit` keys and common prefixes that come after `start`."""
    page: Page[T] = Page()
    position = start
    while selection.limit and position.key != END:
        asked = selection.limit - page.count + 1
        batch = fetch(position, asked)
        for item in batch:
            if not _comes_after(item, position):
                continue
            if page.count == selection.limit:
                page.next = position
                return page
            position = _take(item, selection.group_of(item.key), page)
        if len(batch) < asked:
            break
    return page


def past(prefix: str) -> Position:
    """Return the place after every key that begins with `prefix`."""
    return Position(after_prefix(prefix), FIRST)


def after_prefix(prefix: str) -> str:
    """Return the least text that is greater than all texts beginning with `prefix`."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return END
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)


def _comes_after(item: Listed, position: Position) -> bool:
    if item.key == position.key:
        return item.rank < position.below
    return item.key > position.key


def _take(item: T, group: str | None, page: Page[T]) -> Position:
    if group is None:
        page.items.append(item)
        page.last = item.key
        return Position(item.key, item.rank)
    page.prefixes.append(group)
    page.last = group
    return past(group)
