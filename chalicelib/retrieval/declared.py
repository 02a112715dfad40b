"""Whether the metadata of a document is what its collection declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.filters import FieldType
    from chalicelib.contracts.metadata import Metadata, MetadataValue

_TAKES: dict[FieldType, tuple[type, ...]] = {
    "string": (str,),
    "strings": (str,),
    "number": (int, float),
    "boolean": (bool,),
}
KINDS: dict[FieldType, str] = {
    "string": "a string",
    "strings": "a list of strings",
    "number": "a number",
    "boolean": "true or false",
}
"""What a field of each type holds, in words."""


def check_metadata_declared(metadata: Metadata, declared: Declaration | None) -> None:
    """Raise `InvalidInput` where `metadata` contradicts what is declared of its collection."""
    if declared is None:
        return
    for name, value in metadata.items():
        field = f"metadata.{name}"
        kind = declared.fields.get(name)
        if kind is None:
            if declared.strict:
                raise InvalidInput(unknown_name(name, declared, field), field=field)
        elif not _is(value, kind):
            raise InvalidInput(
                f"{field}: in the collection {declared.name} this is {KINDS[kind]}; "
                f"{_shown(value)} is not.",
                field=field,
                limit=kind,
            )


def unknown_name(name: str, declared: Declaration, field: str) -> str:
    """Return what to tell of a name that a strict collection does not have."""
    known = ", ".join(sorted(declared.fields)) or "no fields at all"
    return f"{field}: the collection {declared.name} is strict and has no {name!r}; it has {known}."


def fits(value: object, kind: FieldType) -> bool:
    """Say whether one value can be a field's; for `strings` one of the list."""
    return isinstance(value, _TAKES[kind]) and isinstance(value, bool) == (kind == "boolean")


def _is(value: MetadataValue, kind: FieldType) -> bool:
    if isinstance(value, tuple):
        return kind == "strings"
    return kind != "strings" and fits(value, kind)


def _shown(value: MetadataValue) -> str:
    shown = repr(list(value) if isinstance(value, tuple) else value)
    return shown if len(shown) <= 60 else shown[:59] + "…"
