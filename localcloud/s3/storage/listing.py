"""List keys with prefix, delimiter and paging, over any source that is sorted by key.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html

S3 sorts keys by their UTF-8 bytes, which is the order of code points, so the text order of
Python and of SQLite is the same.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from localcloud.errors import AwsError

BEFORE_ALL = 2**62
"""As `ListingPosition.below`: before the first item of the key."""

AFTER_ALL = -(2**62)
"""As `ListingPosition.below`: after the last item of the key."""

END_OF_KEYS = "\U0010ffff" * 257
"""Greater than every key: a key has at most 1,024 bytes."""


class ListedItem(Protocol):
    """An item of a listing; items of one key are sorted by falling rank."""

    @property
    def key(self) -> str: ...

    @property
    def rank(self) -> int: ...


T = TypeVar("T", bound=ListedItem)


@dataclass(frozen=True, slots=True)
class ListingPosition:
    """A position in a listing: later items have a greater key, or this key and a lower rank."""

    key: str
    below: int

    def token(self) -> str:
        """Return the position as an opaque continuation token."""
        return base64.urlsafe_b64encode(json.dumps([self.key, self.below]).encode()).decode()

    @classmethod
    def from_token(cls, token: str) -> ListingPosition:
        """Return the position of a continuation token; raise InvalidArgument."""
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
class ListingQuery:
    """The keys to list: those with `prefix`, grouped at the `delimiter` after it."""

    prefix: str = ""
    delimiter: str = ""
    limit: int = 1000

    def common_prefix_of(self, key: str) -> str | None:
        """Return the common prefix that `key` is grouped under, or None."""
        if not self.delimiter:
            return None
        found = key.find(self.delimiter, len(self.prefix))
        return None if found < 0 else key[: found + len(self.delimiter)]

    def after_marker(self, marker: str) -> ListingPosition:
        """Return the position after `marker`, a key or a common prefix of an earlier page."""
        if (
            self.delimiter
            and marker.startswith(self.prefix)
            and self.common_prefix_of(marker) == marker
        ):
            return after_common_prefix(marker)
        return ListingPosition(marker, AFTER_ALL)


@dataclass(slots=True)
class ListingPage(Generic[T]):
    """One page of a listing.

    `next` is None on the last page; `last` is the last key or common prefix of this page.
    """

    items: list[T] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    next: ListingPosition | None = None
    last: str = ""

    @property
    def count(self) -> int:
        """The number of keys and common prefixes on the page."""
        return len(self.items) + len(self.prefixes)


Fetch = Callable[[ListingPosition, int], Sequence[T]]
"""`fetch(position, limit)`: the next items after `position` that begin with the prefix."""


def list_page(fetch: Fetch[T], selection: ListingQuery, start: ListingPosition) -> ListingPage[T]:
    """Return up to `selection.limit` keys and common prefixes that come after `start`."""
    page: ListingPage[T] = ListingPage()
    position = start
    while selection.limit and position.key != END_OF_KEYS:
        requested = selection.limit - page.count + 1
        batch = fetch(position, requested)
        for item in batch:
            if not _comes_after(item, position):
                continue
            if page.count == selection.limit:
                page.next = position
                return page
            position = _add_item(item, selection.common_prefix_of(item.key), page)
        if len(batch) < requested:
            break
    return page


def after_common_prefix(prefix: str) -> ListingPosition:
    """Return the position after every key that begins with `prefix`."""
    return ListingPosition(first_key_after(prefix), BEFORE_ALL)


def first_key_after(prefix: str) -> str:
    """Return the smallest text that is greater than every text beginning with `prefix`."""
    stem = prefix.rstrip("\U0010ffff")
    if not stem:
        return END_OF_KEYS
    following = ord(stem[-1]) + 1
    return stem[:-1] + chr(0xE000 if following == 0xD800 else following)


def _comes_after(item: ListedItem, position: ListingPosition) -> bool:
    if item.key == position.key:
        return item.rank < position.below
    return item.key > position.key


def _add_item(item: T, group: str | None, page: ListingPage[T]) -> ListingPosition:
    if group is None:
        page.items.append(item)
        page.last = item.key
        return ListingPosition(item.key, item.rank)
    page.prefixes.append(group)
    page.last = group
    return after_common_prefix(group)
