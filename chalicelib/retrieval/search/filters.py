"""Filters of queries: their validation, and their translation for the index.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html

The guide says that `$eq` and `$in` are true for a list that holds a value, and does not say what
`$ne` and `$nin` do for a vector that lacks the key. So `ne` is written as "lacks it, or holds none
of these", which means the same under either reading.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from chalicelib.contracts.filters import PICTURES
from chalicelib.contracts.metadata import USER_PREFIX, check_name
from chalicelib.contracts.picture_labels import PICTURE_TYPES
from chalicelib.errors import InvalidInput
from chalicelib.retrieval.ids import MAX_DEPTH, path_hash

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.contracts.filters import Condition, FieldType, Filter, Scalar, Uploaded
    from chalicelib.contracts.metadata import Metadata, MetadataValue


_TAKES: dict[FieldType, tuple[type, ...]] = {
    "string": (str,),
    "strings": (str,),
    "number": (int, float),
    "boolean": (bool,),
}


FIELD_TYPE_NAMES: dict[FieldType, str] = {
    "string": "a string",
    "strings": "a list of strings",
    "number": "a number",
    "boolean": "true or false",
}
"""Description of the values of each field type, for error messages."""


def check_metadata_declared(metadata: Metadata, declared: Declaration | None) -> None:
    """Raise `InvalidInput` if `metadata` contradicts the declaration of its collection."""
    if declared is None:
        return
    for name, value in metadata.items():
        field = f"metadata.{name}"
        kind = declared.fields.get(name)
        if kind is None:
            if declared.strict:
                raise InvalidInput(unknown_field_message(name, declared, field), field=field)
        elif not _is(value, kind):
            raise InvalidInput(
                f"{field}: in the collection {declared.name} this is {FIELD_TYPE_NAMES[kind]}; "
                f"{_shown(value)} is not.",
                field=field,
                limit=kind,
            )


def unknown_field_message(name: str, declared: Declaration, field: str) -> str:
    """Return the error message for a field that a strict collection does not declare."""
    known = ", ".join(sorted(declared.fields)) or "no fields at all"
    return f"{field}: the collection {declared.name} is strict and has no {name!r}; it has {known}."


def is_of_type(value: object, kind: FieldType) -> bool:
    """Return whether a value has the type of a field; for `strings`, one item of the list."""
    return isinstance(value, _TAKES[kind]) and isinstance(value, bool) == (kind == "boolean")


def _is(value: MetadataValue, kind: FieldType) -> bool:
    if isinstance(value, tuple):
        return kind == "strings"
    return kind != "strings" and is_of_type(value, kind)


def _shown(value: MetadataValue) -> str:
    shown = repr(list(value) if isinstance(value, tuple) else value)
    return shown if len(shown) <= 60 else shown[:59] + "…"


MAX_NESTING = 4
"""The deepest nesting of `any` and `all`."""
MAX_COMPARISONS = 64
"""The most comparisons of one filter: the index evaluates each for each vector."""

IN_PICTURE = "in_picture"
"""Metadata key of passages that were read in an image, beside the passage of what is seen."""
EMBEDDED_BY = "embedded_by"
"""Metadata key in an image index: the version of the model that made a vector."""

_BOUNDS = ("gt", "gte", "lt", "lte")


def compile_filter(collection: str | None, given: Filter | None) -> IndexFilter | None:
    """Return the index filter that requires both, None if nothing is required.

    Raises:
        InvalidInput: the filter is too large, or a part of it is meaningless; the message names the
            part, and the limit.
    """
    parts: list[IndexFilter] = [] if collection is None else [{"collection": {"$eq": collection}}]
    if given is not None:
        parts += _parts(given, "filter", 0)
    if not parts:
        return None
    count = sum(map(_comparisons, parts))
    if count > MAX_COMPARISONS:
        raise InvalidInput(
            f"The filter comes to {count} comparisons; at most {MAX_COMPARISONS} are taken. "
            "Lists ('in', or several collections) count once.",
            field="filter",
            limit=str(MAX_COMPARISONS),
        )
    return _every(parts)


def exclude_images(condition: IndexFilter | None) -> IndexFilter:
    """Return the filter that requires `condition` and excludes images, but not text read in them.

    Images that were uploaded before their text was read have no such passages.
    """
    texts: IndexFilter = {
        "$or": [_none_of("media_type", PICTURE_TYPES), {IN_PICTURE: {"$eq": True}}]
    }
    return _every([*_given(condition), texts])


def require_embedder_version(condition: IndexFilter | None, version: str) -> IndexFilter:
    """Return the filter that requires `condition` and images that `version` embedded."""
    return _every([*_given(condition), {EMBEDDED_BY: {"$eq": version}}])


def exclude_embedder_version(condition: IndexFilter | None, version: str) -> IndexFilter:
    """Return the filter that requires `condition` and images that other versions embedded."""
    return _every([*_given(condition), {EMBEDDED_BY: {"$ne": version}}])


def admits_images(given: Filter | None) -> bool:
    """Return whether `given` can match images, judged by the media types that it names."""
    kinds = None if given is None else _media_types(given.media_type)
    return kinds is None or any(kind in PICTURE_TYPES for kind in kinds)


def admits_texts(given: Filter | None) -> bool:
    """Return whether `given` can match documents other than images, as `admits_images` does."""
    kinds = None if given is None else _media_types(given.media_type)
    return kinds is None or any(kind not in PICTURE_TYPES for kind in kinds)


def required_collections(collection: str | None, given: Filter | None) -> tuple[str, ...]:
    """Return the only collections that results can be in, () if they can be in any."""
    if collection is not None:
        return (collection,)
    if given is None:
        return ()
    if given.collection is not None:
        return given.collection
    required = (required_collections(None, part) for part in given.all or ())
    return next((names for names in required if names), ())


def check_filter_declared(given: Filter, declarations: Iterable[Declaration]) -> None:
    """Raise `InvalidInput` if `given` contradicts the declarations of the metadata."""
    conditions = list(_conditions(given, "filter"))
    for declared in declarations:
        for name, condition, field in conditions:
            kind = declared.fields.get(name)
            if kind is not None:
                _check_condition(condition, kind, declared.name, field)
            elif declared.strict:
                raise InvalidInput(unknown_field_message(name, declared, field), field=field)


def filters_by_metadata(given: Filter) -> bool:
    """Return whether `given` filters by metadata anywhere."""
    return any(True for _ in _conditions(given, "filter"))


def _parts(given: Filter, field: str, depth: int) -> list[IndexFilter]:
    if depth > MAX_NESTING:
        raise InvalidInput(
            f"{field}: 'any' and 'all' nest at most {MAX_NESTING} deep.",
            field=field,
            limit=str(MAX_NESTING),
        )
    parts = [
        _one_of(key, values)
        for key, values in (
            ("collection", given.collection),
            ("media_type", _media_types(given.media_type)),
            ("language", given.language),
        )
        if values is not None
    ]
    parts += _places(given, field)
    if given.uploaded is not None:
        parts.append(_uploaded(given.uploaded, f"{field}.uploaded"))
    for name, condition in (given.metadata or {}).items():
        check_name(name, f"{field}.metadata")
        parts += _metadata(USER_PREFIX + name, condition, f"{field}.metadata.{name}")
    if given.all is not None:
        parts += [_whole(part, f"{field}.all.{n}", depth) for n, part in enumerate(given.all)]
    if given.any is not None:
        either = [_whole(part, f"{field}.any.{n}", depth) for n, part in enumerate(given.any)]
        parts.append(either[0] if len(either) == 1 else {"$or": either})
    return parts


def _media_types(given: Sequence[str] | None) -> Sequence[str] | None:
    """Return media types with `image/*` replaced by those of all images."""
    if given is None or PICTURES not in given:
        return given
    return [kind for kind in given if kind != PICTURES and kind not in PICTURE_TYPES] + list(
        PICTURE_TYPES
    )


def _whole(given: Filter, field: str, depth: int) -> IndexFilter:
    parts = _parts(given, field, depth + 1)
    if not parts:
        raise InvalidInput(f"{field} asks for nothing; leave it out.", field=field)
    return _every(parts)


def _given(condition: IndexFilter | None) -> list[IndexFilter]:
    return [] if condition is None else [condition]


def _every(parts: Sequence[IndexFilter]) -> IndexFilter:
    return parts[0] if len(parts) == 1 else {"$and": list(parts)}


def _one_of(key: str, values: Sequence[Scalar]) -> IndexFilter:
    if len(values) == 1:
        return {key: {"$eq": values[0]}}
    return {key: {"$in": list(values)}}


def _none_of(key: str, values: Sequence[Scalar]) -> IndexFilter:
    return {"$or": [{key: {"$exists": False}}, {key: {"$nin": list(values)}}]}


def _places(given: Filter, field: str) -> Iterator[IndexFilter]:
    if given.path is not None:
        yield _place(given.path, f"{field}.path")
    if given.path_prefix is not None:
        if not given.path_prefix.endswith("/"):
            raise InvalidInput(
                f"{field}.path_prefix names a folder and ends in '/'; a part of a name cannot "
                "be looked for.",
                field=f"{field}.path_prefix",
            )
        yield _place(given.path_prefix, f"{field}.path_prefix")


def _place(place: str, field: str) -> IndexFilter:
    if place.endswith("/") and place.count("/") > MAX_DEPTH:
        raise InvalidInput(
            f"{field} is {place.count('/')} folders deep; at most {MAX_DEPTH} can be asked for. "
            "Name a folder above it.",
            field=field,
            limit=str(MAX_DEPTH),
        )
    return {"folders": {"$eq": path_hash(place)}}


def _uploaded(given: Uploaded, field: str) -> IndexFilter:
    """Return the bounds in whole seconds, as the index stores times, both rounded up."""
    bounds: dict[str, int] = {}
    if given.after is not None:
        bounds["$gte"] = math.ceil(given.after.timestamp())
    if given.before is not None:
        bounds["$lt"] = math.ceil(given.before.timestamp())
    if not bounds:
        raise InvalidInput(f"{field} needs 'after', 'before' or both.", field=field)
    return {"uploaded_at": bounds}


def _metadata(key: str, condition: Condition, field: str) -> list[IndexFilter]:
    parts: list[IndexFilter] = []
    if condition.eq is not None:
        parts.append({key: {"$eq": condition.eq}})
    if condition.in_ is not None:
        parts.append({key: {"$in": list(condition.in_)}})
    bounds = {
        f"${name}": bound for name in _BOUNDS if (bound := getattr(condition, name)) is not None
    }
    if bounds:
        parts.append({key: bounds})
    if condition.ne is not None:
        parts.append(_none_of(key, [condition.ne]))
    if condition.exists is not None:
        parts.append({key: {"$exists": condition.exists}})
    if not parts:
        raise InvalidInput(
            f"{field} needs a value, or one of eq, ne, gt, gte, lt, lte, in and exists.",
            field=field,
        )
    return parts


def _comparisons(part: IndexFilter) -> int:
    ((key, value),) = part.items()
    if key in ("$and", "$or"):
        return sum(map(_comparisons, value))
    return len(value)


def _conditions(given: Filter, field: str) -> Iterator[tuple[str, Condition, str]]:
    for name, condition in (given.metadata or {}).items():
        yield name, condition, f"{field}.metadata.{name}"
    for kind, parts in (("all", given.all), ("any", given.any)):
        for n, part in enumerate(parts or ()):
            yield from _conditions(part, f"{field}.{kind}.{n}")


def _check_condition(condition: Condition, kind: FieldType, collection: str, field: str) -> None:
    values = [value for value in (condition.eq, condition.ne) if value is not None]
    wrong = [value for value in (*values, *(condition.in_ or ())) if not is_of_type(value, kind)]
    bounded = any(getattr(condition, name) is not None for name in _BOUNDS)
    if wrong or (bounded and kind != "number"):
        raise InvalidInput(
            f"{field}: in the collection {collection} this is {FIELD_TYPE_NAMES[kind]}; "
            + (f"{wrong[0]!r} is not." if wrong else "only numbers have bounds."),
            field=field,
            limit=kind,
        )


IndexFilter = dict[str, Any]
"""A filter in the index's own language.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-metadata-filtering.html
"""


class Declarations(Protocol):
    """The declarations of collections."""

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return the declaration of a collection, or None."""
