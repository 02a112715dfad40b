"""Extracted values as metadata by which searches filter. Pure.

Only scalars outside lists have a name in metadata. What a user gave of the document goes before,
and the limits of metadata hold for both together: a leaf for which there is no room is left out, in
the order of the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import JsonValue

from chalicelib.contracts.metadata import Metadata, MetadataValue, check_metadata
from chalicelib.errors import InvalidInput
from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.retrieval.search.filters import check_metadata_declared

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration

DAY_SUFFIX = "_day"
"""Ends the name of a date as a number, such as 20250314: only numbers have bounds in filters."""
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHERS = re.compile(r"[^a-z0-9]+")


def search_fields(
    leaves: Iterable[Leaf],
    values: Mapping[str, JsonValue],
    given: Metadata,
    declared: Declaration | None,
) -> Metadata:
    """Return the metadata that extracted values add to those which the user gave.

    Args:
        leaves: the schema's leaves outside of lists.
        values: the values of the extraction.
        given: the document's own metadata, whose names stay as they are.
        declared: the declaration of its collection, which says what types names have.
    """
    added: Metadata = {}
    for leaf in leaves:
        value = _at(values, leaf.path)
        for name, each in _named(leaf, value):
            if name in given or name in added:
                continue
            try:
                check_metadata({**given, **added, name: each})
                check_metadata_declared({name: each}, declared)
            except InvalidInput:
                continue
            added[name] = each
    return added


def filters_by(extractor: str, declared: Declaration | None) -> bool:
    """Tell whether a collection names the extractor of an extraction, in whatever version."""
    if not extractor or declared is None or declared.extractor is None:
        return False
    return declared.extractor.partition("@")[0] == extractor.partition("@")[0]


def field_name(path: Iterable[str]) -> str:
    """Return the name of a leaf in metadata: `/seller/vatNumber` is `seller_vat_number`."""
    words = "_".join(_HUMPS.sub("_", part) for part in path).lower()
    return _OTHERS.sub("_", words).strip("_")


def _named(leaf: Leaf, value: JsonValue) -> Iterable[tuple[str, MetadataValue]]:
    if not isinstance(value, bool | int | float | str):
        return
    name = field_name(leaf.path)
    yield name, value
    if leaf.kind in {LeafKind.DATE, LeafKind.DATE_TIME} and isinstance(value, str):
        digits = value[:10].replace("-", "")
        if digits.isdecimal():
            yield name + DAY_SUFFIX, int(digits)


def _at(values: Mapping[str, JsonValue], path: Iterable[str]) -> JsonValue:
    found: JsonValue = dict(values)
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found
