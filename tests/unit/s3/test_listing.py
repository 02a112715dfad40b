"""Listing, held to a naive model.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.s3.storage.listing import (
    AFTER_ALL,
    BEFORE_ALL,
    END_OF_KEYS,
    ListingPosition,
    ListingQuery,
    first_key_after,
    list_page,
)


@dataclass(frozen=True)
class Item:
    key: str
    rank: int


ALPHABET = "ab/\x01é\ud7ff\ue000\U0010ffff"
KEYS = st.text(st.sampled_from(ALPHABET), min_size=1, max_size=5)
TEXTS = st.text(st.sampled_from(ALPHABET), max_size=3)
VERSIONS = st.dictionaries(KEYS, st.integers(1, 3), max_size=12)


class Shelf:
    """Items in order, and how often they were fetched."""

    def __init__(self, counts: dict[str, int], prefix: str) -> None:
        self.items = [
            Item(key, rank)
            for key in sorted(counts, key=str.encode)
            for rank in range(counts[key], 0, -1)
            if key.startswith(prefix)
        ]
        self.fetched = 0

    def fetch(self, position: ListingPosition, limit: int) -> Sequence[Item]:
        following = [
            item
            for item in self.items
            if item.key > position.key or (item.key == position.key and item.rank < position.below)
        ]
        self.fetched += len(following[:limit])
        return following[:limit]


def naive(items: Sequence[Item], selection: ListingQuery) -> list[Item | str]:
    """Return items and common prefixes as S3's documentation defines them."""
    result: list[Item | str] = []
    for item in items:
        rest = item.key[len(selection.prefix) :]
        if selection.delimiter and selection.delimiter in rest:
            head = rest.split(selection.delimiter)[0]
            rolled = selection.prefix + head + selection.delimiter
            if rolled not in result:
                result.append(rolled)
        else:
            result.append(item)
    return result


@given(VERSIONS, TEXTS, st.sampled_from(["", "/", "a", "ab"]), st.integers(1, 4))
def test_pages_together_are_what_the_naive_model_lists(
    counts: dict[str, int], prefix: str, delimiter: str, limit: int
) -> None:
    shelf = Shelf(counts, prefix)
    selection = ListingQuery(prefix, delimiter, limit)
    position: ListingPosition | None = ListingPosition("", BEFORE_ALL)
    items: list[Item] = []
    prefixes: list[str] = []
    while position is not None:
        page = list_page(shelf.fetch, selection, position)
        assert page.count <= limit
        assert page.next is None or page.count == limit
        items += page.items
        prefixes += page.prefixes
        position = page.next and ListingPosition.from_token(page.next.token())
    expected = naive(shelf.items, selection)
    assert items == [entry for entry in expected if isinstance(entry, Item)]
    assert prefixes == [entry for entry in expected if isinstance(entry, str)]


@given(VERSIONS, TEXTS)
def test_a_listing_after_a_marker_holds_only_greater_keys(
    counts: dict[str, int], marker: str
) -> None:
    shelf = Shelf(counts, "")
    page = list_page(shelf.fetch, ListingQuery(), ListingPosition(marker, AFTER_ALL))
    assert page.items == [item for item in shelf.items if item.key > marker]


@given(KEYS, KEYS)
def test_what_follows_a_prefix_begins_with_another(prefix: str, key: str) -> None:
    bound = first_key_after(prefix)
    assert key.startswith(prefix) == (prefix <= key < bound)


@given(st.text(min_size=1), st.text(min_size=1))
def test_code_points_are_in_the_order_of_their_bytes(one: str, two: str) -> None:
    if not any("\ud800" <= character <= "\udfff" for character in one + two):
        assert (one < two) == (one.encode() < two.encode())


def test_nothing_follows_the_greatest_prefix() -> None:
    assert first_key_after("") == END_OF_KEYS
    assert first_key_after("\U0010ffff") == END_OF_KEYS


def test_a_large_common_prefix_is_skipped_without_reading_it() -> None:
    shelf = Shelf({f"logs/{number:05}": 1 for number in range(5000)} | {"z": 1}, "")
    page = list_page(shelf.fetch, ListingQuery("", "/", 10), ListingPosition("", BEFORE_ALL))
    assert (page.prefixes, [item.key for item in page.items]) == (["logs/"], ["z"])
    assert shelf.fetched < 50


def test_a_marker_that_is_a_common_prefix_skips_all_of_it() -> None:
    selection = ListingQuery("", "/", 10)
    shelf = Shelf({"a/1": 1, "a/2": 1, "b": 1}, "")
    after = list_page(shelf.fetch, selection, selection.after_marker("a/"))
    assert (after.prefixes, [item.key for item in after.items]) == ([], ["b"])
    within = list_page(shelf.fetch, selection, selection.after_marker("a/1"))
    assert within.prefixes == ["a/"]


@pytest.mark.parametrize("token", ["", "x", "bm90IGpzb24=", "WzEsIDJd", "W10=", "ü"])
def test_a_token_of_another_make_is_refused(token: str) -> None:
    with pytest.raises(AwsError) as raised:
        ListingPosition.from_token(token)
    assert raised.value.code == "InvalidArgument"
