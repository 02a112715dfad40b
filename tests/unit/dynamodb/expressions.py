"""Random items, expressions and calls, for tests that compare two implementations."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b", "c", "d"])
TEXTS = st.sampled_from(["", "x", "xy", "y"])
NUMBERS = st.sampled_from(["0", "1", "2", "-1", "1.5", "10"])
SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, TEXTS),
    st.builds(lambda number: {"N": number}, NUMBERS),
    st.builds(lambda flag: {"BOOL": flag}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda text: {"B": text}, st.sampled_from(["AAE=", "AAEC", "AQ=="])),
    st.builds(lambda texts: {"SS": sorted(texts)}, st.sets(TEXTS.filter(bool), min_size=1)),
    st.builds(lambda numbers: {"NS": sorted(numbers)}, st.sets(NUMBERS, min_size=1, max_size=3)),
)
MAPS = st.builds(lambda values: {"M": values}, st.dictionaries(NAMES, SCALARS, max_size=2))
LISTS = st.builds(lambda values: {"L": values}, st.lists(st.one_of(SCALARS, MAPS), max_size=3))
VALUES: st.SearchStrategy[dict[str, Any]] = st.one_of(SCALARS, SCALARS, MAPS, LISTS)
PATHS = st.one_of(
    NAMES,
    NAMES,
    st.builds("{}.{}".format, NAMES, NAMES),
    st.builds("{}[{}]".format, NAMES, st.integers(0, 2)),
    st.builds("{}.{}[{}]".format, NAMES, NAMES, st.integers(0, 1)),
)
PLACEHOLDERS = st.sampled_from([":s", ":n", ":v", ":w"])
COMPARATORS = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])
SIMPLE = st.one_of(
    st.builds("attribute_exists({0}) AND {0} {1} {2}".format, PATHS, COMPARATORS, PLACEHOLDERS),
    st.builds("attribute_exists({0}) AND {0} {1} m".format, PATHS, COMPARATORS),
    st.builds(
        "attribute_exists({0}) AND size({0}) {1} :n".format, st.sampled_from("mn"), COMPARATORS
    ),
    st.builds("{} BETWEEN :low AND :high".format, PATHS),
    st.builds(
        "attribute_exists({0}) AND {0} IN ({1}, {2})".format, PATHS, PLACEHOLDERS, PLACEHOLDERS
    ),
    st.builds("attribute_exists({})".format, PATHS),
    st.builds("attribute_not_exists({})".format, PATHS),
    st.builds("begins_with({}, :s)".format, PATHS),
    st.builds("contains({}, {})".format, PATHS, PLACEHOLDERS),
    st.builds("attribute_type({}, :t)".format, PATHS),
)
CONDITIONS: st.SearchStrategy[str] = st.one_of(
    SIMPLE,
    st.builds("{} AND {}".format, SIMPLE, SIMPLE),
    st.builds("{} OR {} AND {}".format, SIMPLE, SIMPLE, SIMPLE),
    st.builds("NOT ({} AND attribute_exists(m))".format, SIMPLE),
    st.builds("({} OR {}) AND NOT {}".format, SIMPLE, SIMPLE, SIMPLE),
)
SET_VALUES = st.one_of(
    PATHS,
    PLACEHOLDERS,
    st.builds("{} {} :n".format, PATHS, st.sampled_from(["+", "-"])),
    st.builds("if_not_exists({}, {})".format, PATHS, PLACEHOLDERS),
    st.builds("if_not_exists({}, :n) + :n".format, PATHS),
    st.builds("list_append({}, :l)".format, PATHS),
    st.builds("list_append(:l, if_not_exists({}, :l))".format, PATHS),
)


def _section(name: str, actions: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    some = st.lists(actions, min_size=1, max_size=2).map(", ".join)
    return st.builds(f"{name} {{}}".format, some)


SECTIONS = (
    _section("SET", st.builds("{} = {}".format, PATHS, SET_VALUES)),
    _section("REMOVE", PATHS),
    _section("ADD", st.builds("{} {}".format, NAMES, st.sampled_from([":n", ":v"]))),
    _section("DELETE", st.builds("{} :v".format, NAMES)),
)
UPDATES = st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True).flatmap(
    lambda chosen: st.tuples(*(SECTIONS[n] for n in chosen)).map(" ".join)
)
KEYS = st.builds(lambda pk, sk: {"pk": {"S": pk}, "sk": {"N": sk}}, st.sampled_from("pq"), NUMBERS)
ATTRIBUTES = st.builds(
    lambda some, texts: {**some, "m": {"S": texts}, "n": {"L": [{"S": texts}]}},
    st.dictionaries(NAMES, VALUES, max_size=4),
    TEXTS,
)


def values_of(text: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """Return the request member with the values that the expression `text` uses."""
    words = set(re.findall(r":[a-z]+", text))
    used = {name: value for name, value in drawn.items() if name in words}
    return {"ExpressionAttributeValues": used} if used else {}


DRAWN = st.fixed_dictionaries(
    {
        ":s": st.builds(lambda text: {"S": text}, TEXTS),
        ":n": st.builds(lambda number: {"N": number}, NUMBERS),
        ":v": VALUES,
        ":w": VALUES,
        ":l": st.builds(lambda values: {"L": values}, st.lists(SCALARS, max_size=2)),
        ":low": st.just({"N": "0"}),
        ":high": st.just({"N": "2"}),
        ":t": st.builds(
            lambda kind: {"S": kind}, st.sampled_from(["S", "N", "L", "M", "SS", "BOOL"])
        ),
    }
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """Draw an operation and its parameters, without the table's name."""
    kind = draw(
        st.sampled_from(
            ["put", "put", "update", "update", "update", "delete", "query", "scan", "get"]
        )
    )
    drawn, key = draw(DRAWN), draw(KEYS)
    condition = draw(st.one_of(st.none(), CONDITIONS))
    conditional = {"ConditionExpression": condition} if condition else {}
    if kind == "put":
        item = {**draw(ATTRIBUTES), **key}
        params = {"Item": item, "ReturnValues": "ALL_OLD", **conditional}
        return "PutItem", {**params, **values_of(condition or "", drawn)}
    if kind == "delete":
        params = {"Key": key, "ReturnValues": "ALL_OLD", **conditional}
        return "DeleteItem", {**params, **values_of(condition or "", drawn)}
    if kind == "update":
        update = draw(UPDATES)
        params = {"Key": key, "UpdateExpression": update, "ReturnValues": "ALL_NEW"}
        used = values_of(f"{update} {condition or ''}", drawn)
        return "UpdateItem", {**params, **conditional, **used}
    projection = draw(st.one_of(st.none(), st.sets(NAMES, min_size=1, max_size=2).map(",".join)))
    projected = {"ProjectionExpression": projection} if projection else {}
    if kind == "get":
        return "GetItem", {"Key": key, **projected}
    filtered = {"FilterExpression": condition} if condition else {}
    used = values_of(condition or "", drawn).get("ExpressionAttributeValues", {})
    if kind == "scan":
        values = {"ExpressionAttributeValues": used} if used else {}
        return "Scan", {**filtered, **projected, **values}
    ranged = draw(
        st.sampled_from(
            ["", " AND sk > :first", " AND sk <= :first", " AND sk BETWEEN :first AND :last"]
        )
    )
    low, high = sorted(draw(st.tuples(NUMBERS, NUMBERS)), key=float)
    bounds = {":pk": key["pk"], ":first": {"N": low}, ":last": {"N": high}}
    named = {name: value for name, value in bounds.items() if name == ":pk" or name in ranged}
    return "Query", {
        "KeyConditionExpression": f"pk = :pk{ranged}",
        "ScanIndexForward": draw(st.booleans()),
        "ExpressionAttributeValues": {**named, **used},
        **filtered,
        **projected,
    }
