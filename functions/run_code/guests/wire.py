"""Plain values as text, with their identity: what the two guests of a run exchange.

A value is a list of lines, one an object, of which line 0 is the root. Containers name the lines of
what they hold, so that shared and cyclic objects stay what they are, and nothing recurses over
lists that are linked. Only types listed here cross: an object whose class decides what equals it,
or what it prints, arrives as an opaque mark that equals nothing but itself.

It runs inside the sandbox, in the interpreter there, and stands on nothing but builtins.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes a tenth of a second to load inside.
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MAX_NESTING = 50
"""How deep tuples and frozensets may lie within one another: Python hashes them by recursion."""


class WireError(Exception):
    """Raised for text that is no value."""


class Opaque:
    """Stands for a value that does not cross; `kind` is the name of its class."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind}>"


def encode(root: object, classes: Mapping[str, type], known: Mapping[int, int]) -> str:
    """Return a value as text.

    Args:
        root: the value.
        classes: classes of the problem whose instances cross, by name.
        known: by `id`, the line of a container in an earlier message. Such a container is marked,
            so that the reader can tell that it is the same object.
    """
    lines: list[str] = []
    queue: list[object] = [root]
    places: dict[int, int] = {}
    names = {kind: name for name, kind in classes.items()}

    def place_of(value: object) -> str:
        where = places.get(id(value))
        if where is None:
            where = len(queue)
            queue.append(value)
            if type(value) in _CONTAINERS or type(value) in names:
                places[id(value)] = where
        return str(where)

    if type(root) in _CONTAINERS or type(root) in names:
        places[id(root)] = 0
    at = 0
    while at < len(queue):
        value = queue[at]
        at += 1
        parts = _parts(value, names, place_of)
        mark = known.get(id(value)) if parts[0] in "ldSo" else None
        lines.append(" ".join(parts if mark is None else ("=", str(mark), *parts)))
    return "\n".join(lines)


def _parts(
    value: object, names: Mapping[type, str], place_of: Callable[[object], str]
) -> tuple[str, ...]:
    kind = type(value)
    if value is None or kind is bool:
        return (_CONSTANTS[value],)
    if isinstance(value, int):
        return ("i", format(int(value), "x"))
    if isinstance(value, float):
        return ("f", float(value).hex())
    if kind is complex:
        assert isinstance(value, complex)
        return ("c", value.real.hex(), value.imag.hex())
    if isinstance(value, str):
        return ("s", str.encode(value, "utf-8", "surrogatepass").hex())
    if isinstance(value, (bytes, bytearray)):
        return ("b", bytes(value).hex())
    for tag, container in _TAGS:
        if isinstance(value, container):
            return (tag, *_places(value, place_of))
    if kind in names:
        return ("o", names[kind], *_places(vars(value), place_of))
    return ("?", str.encode(kind.__name__, "utf-8", "replace").hex())


def _places(value: object, place_of: Callable[[object], str]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, held in dict.items(value):
            yield place_of(key)
            yield place_of(held)
    else:
        for held in value:  # type: ignore[attr-defined]  # one of `_TAGS`
            yield place_of(held)


def decode(text: str, classes: Mapping[str, type]) -> tuple[object, dict[int, int], list[int]]:
    """Return the value in `text`, its containers by `id` with their lines, and the marked lines.

    Raises:
        WireError: it is no value.
    """
    lines = [line.split(" ") for line in text.split("\n")]
    marked = []
    try:
        for line in lines:
            if line[0] == "=":
                marked.append(int(line[1]))
                del line[:2]
        made = _made(lines, classes)
        for at, line in enumerate(lines):
            _fill(made[at], line, made)
    except (ValueError, KeyError, IndexError, TypeError, OverflowError) as error:
        raise WireError(f"not a value: {type(error).__name__}") from error
    return made[0], {id(made[at]): at for at in made if lines[at][0] in "ldSo"}, marked


def _made(lines: list[list[str]], classes: Mapping[str, type]) -> dict[int, object]:
    """Return the object of each line: mutable ones empty, all others whole.

    It does not recurse, since the code under test decides how deep its answers are nested.
    """
    made: dict[int, object] = {}
    depth: dict[int, int] = {}
    for at, line in enumerate(lines):
        tag = line[0]
        if tag in _EMPTY:
            made[at] = _EMPTY[tag]()
        elif tag == "o":
            made[at] = object.__new__(classes[line[1]])
        elif tag not in ("t", "z"):
            made[at] = _ATOMS[tag](line)
    waiting = [at for at, line in enumerate(lines) if line[0] in ("t", "z")]
    while waiting:
        at = waiting.pop()
        if at in made:
            continue
        held = [int(place) for place in lines[at][1:]]
        missing = [place for place in held if place not in made]
        if missing:
            depth[at] = depth.get(at, 0) + 1
            if depth[at] > 1:
                raise ValueError(at)  # It holds itself, as no tuple of Python's can.
            waiting += [at, *missing]
            continue
        nesting = 1 + max((depth.get(-1 - place, 0) for place in held), default=0)
        if nesting > MAX_NESTING:
            raise ValueError(at)
        depth[-1 - at] = nesting
        values = [made[place] for place in held]
        made[at] = tuple(values) if lines[at][0] == "t" else frozenset(values)
    return made


def _fill(container: object, line: list[str], made: Mapping[int, object]) -> None:
    tag = line[0]
    if tag not in ("l", "S", "d", "o"):
        return
    values = [made[int(place)] for place in line[2 if tag == "o" else 1 :]]
    if tag == "l":
        assert isinstance(container, list)
        container.extend(values)
    elif tag == "S":
        assert isinstance(container, set)
        container.update(values)
    elif tag == "d":
        assert isinstance(container, dict)
        container.update(zip(values[::2], values[1::2], strict=True))
    else:
        for name, value in zip(values[::2], values[1::2], strict=True):
            vars(container)[str(name)] = value


_CONSTANTS: Mapping[object, str] = {None: "N", True: "T", False: "F"}
_TAGS: tuple[tuple[str, type], ...] = (
    ("l", list),
    ("t", tuple),
    ("d", dict),
    ("S", set),
    ("z", frozenset),
)
_CONTAINERS = frozenset(container for _, container in _TAGS)
_EMPTY: Mapping[str, Callable[[], object]] = {"l": list, "d": dict, "S": set}
_ATOMS: Mapping[str, Callable[[list[str]], object]] = {
    "N": lambda _: None,
    "T": lambda _: True,
    "F": lambda _: False,
    "i": lambda line: int(line[1], 16),
    "f": lambda line: float.fromhex(line[1]),
    "c": lambda line: complex(float.fromhex(line[1]), float.fromhex(line[2])),
    "s": lambda line: bytes.fromhex(line[1]).decode("utf-8", "surrogatepass"),
    "b": lambda line: bytes.fromhex(line[1]),
    "?": lambda line: Opaque(bytes.fromhex(line[1]).decode("utf-8", "replace")),
}
