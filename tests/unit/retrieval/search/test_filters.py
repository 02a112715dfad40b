"""Filters mean in the index what they say: held to a second reading of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from chalicelib.contracts.collections import Declaration
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.ingest import VectorMetadata
from chalicelib.errors import InvalidInput
from chalicelib.retrieval.ids import MAX_DEPTH, path_hashes
from chalicelib.retrieval.search.filters import (
    IndexFilter,
    check_filter_declared,
    compile_filter,
    required_collections,
)
from localcloud.s3vectors import filters as index_filters

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def filter_of(written: object) -> Filter:
    return Filter.model_validate_json(json.dumps(written), strict=True)


def compiled(written: object, collection: str | None = None) -> IndexFilter | None:
    return compile_filter(collection, filter_of(written))


scalars = st.sampled_from(["a", "b", "", 1, 2, 2.5, -3, True, False])
numbers = st.sampled_from([1, 2, 2.5, -3, 0])
names = st.sampled_from(["year", "team", "tags"])
conditions = scalars | st.fixed_dictionaries(
    {},
    optional={
        "eq": scalars,
        "ne": scalars,
        "in": st.lists(scalars, min_size=1, max_size=3),
        "gt": numbers,
        "gte": numbers,
        "lt": numbers,
        "lte": numbers,
        "exists": st.booleans(),
    },
).filter(bool)
paths = st.sampled_from(["a.md", "x/a.md", "x/y/a.md", "x/y/b.md", "y/a.md"])
times = st.sampled_from(
    ["2026-05-04T12:00:00Z", "2026-05-04T13:59:59.5+02:00", "2020-01-01T00:00:00Z"]
)
leaves = st.fixed_dictionaries(
    {},
    optional={
        "collection": st.sampled_from(["c", "d", ["c", "d"]]),
        "path": paths | st.sampled_from(["x/", "x/y/", "y/"]),
        "path_prefix": st.sampled_from(["x/", "x/y/", "z/"]),
        "media_type": st.sampled_from(["text/plain", ["text/plain", "text/html"]]),
        "language": st.sampled_from(["en", ["de", "en"]]),
        "uploaded": st.fixed_dictionaries({}, optional={"after": times, "before": times}).filter(
            bool
        ),
        "metadata": st.dictionaries(names, conditions, min_size=1, max_size=2),
    },
).filter(bool)
nested = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "any": st.lists(inner, min_size=1, max_size=3),
            "all": st.lists(inner, min_size=1, max_size=2),
        },
    ).filter(bool),
    max_leaves=6,
)
documents = st.fixed_dictionaries(
    {
        "collection": st.sampled_from(["c", "d", "e"]),
        "path": paths,
        "media_type": st.sampled_from(["", "text/plain", "text/html"]),
        "language": st.sampled_from(["", "en", "fr"]),
        "uploaded_at": st.sampled_from([0, int(NOON.timestamp()) - 1, int(NOON.timestamp())]),
        "metadata": st.dictionaries(
            names,
            scalars | st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2),
            max_size=3,
        ),
    }
)


def holds(written: dict[str, Any], document: dict[str, Any]) -> bool:
    """Say whether a document is let through, from the words of the documentation alone."""
    checks = [
        _one_of(document[name], written[name])
        for name in ("collection", "media_type", "language")
        if name in written
    ]
    for name in ("path", "path_prefix"):
        place = written.get(name)
        if place is not None:
            path = document["path"]
            checks.append(path.startswith(place) if place.endswith("/") else path == place)
    if "uploaded" in written:
        checks.append(_uploaded(document["uploaded_at"], written["uploaded"]))
    for name, condition in written.get("metadata", {}).items():
        condition = condition if isinstance(condition, dict) else {"eq": condition}
        checks += [
            _meets(document["metadata"].get(name), operator, operand)
            for operator, operand in condition.items()
        ]
    checks += [holds(part, document) for part in written.get("all", [])]
    if "any" in written:
        checks.append(any(holds(part, document) for part in written["any"]))
    return all(checks)


def _one_of(value: str, wanted: str | list[str]) -> bool:
    return value in (wanted if isinstance(wanted, list) else [wanted])


def _uploaded(at: int, bounds: dict[str, str]) -> bool:
    after, before = (
        datetime.fromisoformat(bounds[name]).timestamp() if name in bounds else None
        for name in ("after", "before")
    )
    known = at != 0
    return known and (after is None or at >= after) and (before is None or at < before)


def _meets(value: Any, operator: str, operand: Any) -> bool:
    items = [] if value is None else value if isinstance(value, list) else [value]

    def alike(left: Any, right: Any) -> bool:
        return isinstance(left, bool) == isinstance(right, bool) and left == right

    if operator == "exists":
        return (value is not None) == bool(operand)
    if operator == "ne":
        return not any(alike(item, operand) for item in items)
    if operator in ("eq", "in"):
        wanted = operand if operator == "in" else [operand]
        return any(alike(item, each) for item in items for each in wanted)
    bounded = [
        item for item in items if isinstance(item, int | float) and not isinstance(item, bool)
    ]
    return any(
        {
            "gt": item > operand,
            "gte": item >= operand,
            "lt": item < operand,
            "lte": item <= operand,
        }[operator]
        for item in bounded
    )


def wire(document: dict[str, Any]) -> dict[str, object]:
    """Return what a vector of the document carries."""
    metadata = VectorMetadata.model_validate(
        document
        | {
            "document_id": "d",
            "version": "v",
            "page": 1,
            "heading": "",
            "start": 0,
            "end": 1,
            "text": "x",
            "folders": path_hashes(document["path"]),
        }
    )
    return metadata.wire()


@given(nested, documents, st.sampled_from([None, "c"]))
def test_the_index_lets_through_what_the_filter_says(
    written: dict[str, Any], document: dict[str, Any], collection: str | None
) -> None:
    try:
        condition = compiled(written, collection)
    except InvalidInput:
        reject()
    parsed = index_filters.parse_filter(condition, ("text", "heading", "path", "start", "end"))
    expected = holds(written, document) and collection in {None, document["collection"]}
    assert parsed.matches(wire(document)) == expected


def test_nothing_asked_for_is_no_filter() -> None:
    assert compile_filter(None, None) is None
    assert compiled({}) is None


def test_a_collection_alone_is_what_it_was() -> None:
    assert compile_filter("c", None) == {"collection": {"$eq": "c"}}


@pytest.mark.parametrize(
    ("written", "field", "limit"),
    [
        ({"any": [{}]}, "filter.any.0", None),
        ({"all": [{"path": "a"}, {"all": [{}]}]}, "filter.all.1.all.0", None),
        ({"uploaded": {}}, "filter.uploaded", None),
        ({"path_prefix": "a"}, "filter.path_prefix", None),
        ({"path": "f/" * (MAX_DEPTH + 1)}, "filter.path", str(MAX_DEPTH)),
        ({"metadata": {"year": {}}}, "filter.metadata.year", None),
        ({"metadata": {"Year": 1}}, "filter.metadata", "[a-z][a-z0-9_]{0,39}"),
        ({"any": [{"metadata": {"path": 1}}]}, "filter.any.0.metadata.path", None),
        ({"all": [{"all": [{"all": [{"all": [{"all": [{"path": "a"}]}]}]}]}]}, None, "4"),
        ({"any": [{"all": [{"path": str(n)}] * 20} for n in range(4)]}, "filter", "64"),
    ],
)
def test_what_is_wrong_is_named(written: object, field: str | None, limit: str | None) -> None:
    with pytest.raises(InvalidInput) as raised:
        compiled(written)
    assert raised.value.limit == limit
    assert field is None or raised.value.field == field


YEAR = Declaration(
    name="c",
    fields={"year": "number", "team": "string", "tags": "strings", "done": "boolean"},
    created_at=NOON,
    updated_at=NOON,
)
STRICT = YEAR.model_copy(update={"strict": True})


@pytest.mark.parametrize(
    "metadata",
    [
        {"year": "2024"},
        {"year": True},
        {"year": {"in": [2024, "2025"]}},
        {"team": {"gt": 1}},
        {"team": {"ne": 5}},
        {"tags": 5},
        {"done": 1},
    ],
)
def test_a_declared_field_is_asked_for_by_its_type(metadata: dict[str, object]) -> None:
    (name,) = metadata
    with pytest.raises(InvalidInput, match=f"metadata.{name}: in the collection c this is"):
        check_filter_declared(filter_of({"any": [{"metadata": metadata}]}), [YEAR])


@pytest.mark.parametrize(
    "metadata",
    [{"year": {"gte": 2020}}, {"team": "a"}, {"tags": "a"}, {"done": False}, {"else": "x"}],
)
def test_what_is_of_its_type_or_not_declared_is_let_be(metadata: dict[str, object]) -> None:
    check_filter_declared(filter_of({"metadata": metadata}), [YEAR])


def test_a_strict_collection_names_the_fields_it_has() -> None:
    with pytest.raises(InvalidInput, match="has no 'yaer'; it has done, tags, team, year"):
        check_filter_declared(filter_of({"metadata": {"yaer": 1}}), [STRICT])


@pytest.mark.parametrize(
    ("collection", "written", "names"),
    [
        ("c", {"collection": "d"}, ("c",)),
        (None, {"collection": ["c", "d"]}, ("c", "d")),
        (None, {"all": [{"path": "a"}, {"collection": "d"}]}, ("d",)),
        (None, {"any": [{"collection": "d"}]}, ()),
        (None, {"path": "a"}, ()),
    ],
)
def test_the_collections_that_can_be_found_in_are_known(
    collection: str | None, written: object, names: tuple[str, ...]
) -> None:
    assert required_collections(collection, filter_of(written)) == names
