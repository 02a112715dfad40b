"""Refusal of queries of a collection that does not exist, with the name that comes closest."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration, DocumentUsage

DEFAULT_COLLECTION = "default"
"""The collection of uploads that name none; it is there before them."""
MAX_LOOKED_AT = 2_000
"""Documents that are read for the names of their collections; with more, no name is refused."""
_LEAST_LIKE = 0.6
"""The share of common characters from which on a name is proposed (`difflib` proposes the same)."""


class CollectionRecords(Protocol):
    """The declared collections of a tenant, and those that its documents are in."""

    def declarations(self, tenant: str) -> Iterator[Declaration]:
        """Yield the declarations of the tenant's collections, by name."""

    def held(self, tenant: str) -> Iterator[DocumentUsage]:
        """Yield the usage of each of the tenant's documents, by id."""


def require_collections(
    records: CollectionRecords, tenant: str, names: Sequence[str], field: str
) -> None:
    """Raise `NotFound` if none of `names` is a collection of the tenant.

    It is for a query that found nothing: a collection with a hit exists. One that is declared, or
    that a document was ever uploaded to and not removed from, exists, too.

    Args:
        records: what is known of the tenant's collections.
        tenant: whose collections.
        names: the collections of the query; with none of them, any collection will do.
        field: the part of the request that names them.
    """
    known = {declared.name for declared in records.declarations(tenant)}
    if not names or not (known | {DEFAULT_COLLECTION}).isdisjoint(names):
        return
    read = 0
    for usage in islice(records.held(tenant), MAX_LOOKED_AT):
        read += 1
        if usage.collection in names:
            return
        known.add(usage.collection)
    if read < MAX_LOOKED_AT:
        raise NotFound(unknown_collection_message(names[0], known), field=field)


def unknown_collection_message(name: str, known: set[str]) -> str:
    """Return that there is no collection `name`, and which of `known` comes closest to it."""
    close = difflib.get_close_matches(name, sorted(known), 1, _LEAST_LIKE)
    hint = f" Did you mean {close[0]}?" if close else ""
    if not close and known:
        some = sorted(known)[:3]
        hint = f" There is {', '.join(some)}{' and others' if len(known) > len(some) else ''}."
    return f"There is no collection {name}.{hint}"
