"""Document paths: reading, projecting, setting and removing what they name in an item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from localcloud.dynamodb.errors import invalid
from localcloud.dynamodb.values import Item, Value

Path = tuple[str | int, ...]
"""Names of attributes and numbers of list elements, from the item down."""

_INVALID_PATH = "The document path provided in the update expression is invalid for update"


def find(item: Item, path: Path) -> Value | None:
    """Return the value at `path`, None if there is none."""
    value = item.get(str(path[0]))
    for element in path[1:]:
        if value is None:
            return None
        value = _child(value, element)
    return value


def _child(value: Value, element: str | int) -> Value | None:
    child: Value | None
    if isinstance(element, str):
        child = value["M"].get(element) if "M" in value else None
        return child
    members = value.get("L", ())
    child = members[element] if element < len(members) else None
    return child


def show(path: Path) -> str:
    """Return a path as AWS's errors write it."""
    return f"[{', '.join(each if isinstance(each, str) else f'[{each}]' for each in path)}]"


def check_distinct(paths: Sequence[Path], label: str) -> None:
    """Raise AwsError if one path is within another, or two take one value for different types."""
    for number, path in enumerate(paths):
        for earlier in paths[:number]:
            _check_pair(earlier, path, label)


def _check_pair(one: Path, two: Path, label: str) -> None:
    how = "overlap"
    for left, right in zip(one, two, strict=False):
        if isinstance(left, str) != isinstance(right, str):
            how = "conflict"
            break
        if left != right:
            return
    raise invalid(
        f"Invalid {label}: Two document paths {how} with each other; must remove or rewrite one "
        f"of these paths; path one: {show(one)}, path two: {show(two)}"
    )


def project(item: Item, paths: Iterable[Path]) -> Item:
    """Return what the paths name of an item; elements of a list close up, in their order."""
    projected: dict[str, Any] = {}
    for path in sorted(paths, key=_list_order):
        value = find(item, path)
        if value is not None:
            _insert(projected, path, value)
    return {name: _built(value) for name, value in projected.items()}


def _list_order(path: Path) -> tuple[tuple[str, int], ...]:
    return tuple((each, 0) if isinstance(each, str) else ("", each) for each in path)


def _insert(projected: dict[str, Any], path: Path, value: Value) -> None:
    """Insert a value below nested `_Branch`es, whose keys are names or numbers."""
    place: dict[Any, Any] = projected
    for element in path[:-1]:
        place = place.setdefault(element, _Branch())
    place[path[-1]] = value


class _Branch(dict[Any, Any]):
    """Members of a map or list that are being projected, by name or number."""


def _built(value: Any) -> Value:
    if not isinstance(value, _Branch):
        built: Value = value
        return built
    if isinstance(next(iter(value)), int):
        return {"L": [_built(value[number]) for number in sorted(value)]}
    return {"M": {name: _built(member) for name, member in value.items()}}


def put(item: Item, path: Path, value: Value) -> None:
    """Set the value at `path`, in place; beyond the end of a list it is appended."""
    if len(path) == 1:
        item[str(path[0])] = value
        return
    parent = find(item, path[:-1])
    last = path[-1]
    if parent is None or ("M" if isinstance(last, str) else "L") not in parent:
        raise invalid(_INVALID_PATH)
    if isinstance(last, str):
        parent["M"][last] = value
    elif last < len(parent["L"]):
        parent["L"][last] = value
    else:
        parent["L"].append(value)


def remove(item: Item, path: Path) -> None:
    """Remove the value at `path`, in place; a missing one is no error, a missing parent is."""
    if len(path) == 1:
        item.pop(str(path[0]), None)
        return
    parent = find(item, path[:-1])
    last = path[-1]
    if parent is None or ("M" if isinstance(last, str) else "L") not in parent:
        raise invalid(_INVALID_PATH)
    if isinstance(last, str):
        parent["M"].pop(last, None)
    elif last < len(parent["L"]):
        del parent["L"][last]
