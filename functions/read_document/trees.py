"""Nested values as text that keeps where each value stands.

A small value becomes lines such as `address.city: Bern`; a large one a section under a heading
of its name; records with the same few fields a table. JSON and XML are read through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.errors import InvalidInput, Unsupported
from functions.read_document.pages import Block
from functions.read_document.tables import table_blocks

MAX_DEPTH = 100
MAX_CHARACTERS = 16_000_000
"""How long the text may get, paths included, before it is given up."""

_SMALL = 16
"""A value of at most so many leaves is shown as lines, and gets no heading of its own."""
_MAX_PATH = 200
_MAX_COLUMNS = 24
_MAX_CELL = 200
_SHORT_LIST = 200
_LEVELS = 6


class Fields(list[tuple[str, "Value"]]):
    """Named values in their order; a name may come again. `title` is what heads them, if any."""

    __slots__ = ("title",)

    def __init__(self, pairs: Iterable[tuple[str, Value]] = (), title: str = "") -> None:
        super().__init__(pairs)
        self.title = title


class Prose(str):
    """Text that reads well without its name before it."""

    __slots__ = ()


Value = str | Fields | Sequence["Value"]


@dataclass(slots=True)
class _Writer:
    """Collects the lines of small values until a section or a table ends them."""

    blocks: list[Block] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    characters: int = 0

    def block(self, text: str, level: int = 0) -> None:
        self.end_lines()
        self._count(len(text))
        self.blocks.append(Block(text, level))

    def line(self, path: str, text: str) -> None:
        self._count(len(path) + len(text))
        if "\n" in text or len(text) > _MAX_CELL:
            self.block(f"{path}: {text}" if path else text)
        else:
            self.lines.append(f"{path}: {text}" if path else text)

    def end_lines(self) -> None:
        if self.lines:
            self.blocks.append(Block("\n".join(self.lines)))
            self.lines.clear()

    def _count(self, characters: int) -> None:
        self.characters += characters
        if self.characters > MAX_CHARACTERS:
            raise Unsupported(
                f"The file holds more than {MAX_CHARACTERS:,} characters of text, the names of its"
                " values included. Split it into several files.",
                field="file",
                limit=str(MAX_CHARACTERS),
            )


def blocks(value: Value) -> list[Block]:
    """Return `value` as blocks.

    Raises:
        InvalidInput: it nests more than `MAX_DEPTH` deep.
        Unsupported: its text is too long.
    """
    writer = _Writer()
    _write(writer, value, path="", level=1, depth=0)
    writer.end_lines()
    return writer.blocks


def too_deep() -> InvalidInput:
    """Return the refusal of values that nest deeper than is read."""
    return InvalidInput(
        f"The file nests its values more than {MAX_DEPTH} deep; flatten it.",
        field="file",
        limit=str(MAX_DEPTH),
    )


def _write(writer: _Writer, value: Value, path: str, level: int, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise too_deep()
    if isinstance(value, str):
        writer.line("" if isinstance(value, Prose) else path, value)
        return
    if _is_short_list(value):
        writer.line(path, ", ".join(_texts(value)))
        return
    rows = _records(value)
    title = value.title if isinstance(value, Fields) else ""
    if level <= _LEVELS and (title or _is_section(value, path)):
        writer.block(title or path, level)
        path, level = "", level + 1
    if rows:
        _table(writer, path, rows)
        return
    for name, child in _ordered(value, path):
        if len(name) >= _MAX_PATH:
            writer.block(name)
        _write(writer, child, _joined(path, name), level, depth + 1)
        if isinstance(child, Fields) and not isinstance(value, Fields):
            writer.end_lines()


def _is_section(value: Value, path: str) -> bool:
    """Tell whether `value` gets a heading of its own."""
    return bool(path) and (bool(_records(value)) or not _is_small(value))


def _ordered(value: Value, path: str) -> Iterable[tuple[str, Value]]:
    """Return the named parts of `value`; small ones first, lest a section's heading covers them.

    Where there is prose, its order counts for more.
    """
    named = list(_named(value))
    if not isinstance(value, Fields) or any(isinstance(child, Prose) for _, child in named):
        return named
    return sorted(named, key=lambda pair: _opens_section(pair[1], _joined(path, pair[0])))


def _opens_section(value: Value, path: str) -> bool:
    """Tell whether a heading will stand in `value`; what is small is looked through."""
    if isinstance(value, str):
        return False
    titled = isinstance(value, Fields) and bool(value.title)
    return (
        titled
        or _is_section(value, path)
        or (_is_small(value) and any(_opens_section(child, "-") for _, child in _named(value)))
    )


def _table(writer: _Writer, path: str, rows: list[list[str]]) -> None:
    if path:
        writer.block(f"{path}:")
    writer.end_lines()
    for block in table_blocks(rows):
        writer.block(block.text)


def _named(value: Value) -> Iterator[tuple[str, Value]]:
    if isinstance(value, Fields):
        yield from value
        return
    for number, child in enumerate(value):
        yield f"[{number}]", child


def _joined(path: str, name: str) -> str:
    """Return the path of `name` below `path`, its beginning cut where it gets long."""
    parts = "" if name.startswith("[") or not (name and path) else "."
    joined = path + parts + name
    return joined if len(joined) <= _MAX_PATH else "…" + joined[1 - _MAX_PATH :]


def _texts(value: Sequence[Value]) -> list[str]:
    return [child for child in value if isinstance(child, str)]


def _is_short_list(value: Value) -> bool:
    """Tell whether `value` is a list of few short texts, which one line can hold."""
    if isinstance(value, Fields) or not 0 < len(value) <= _SMALL:
        return False
    texts = _texts(value)
    fits = sum(map(len, texts)) <= _SHORT_LIST and not any("\n" in text for text in texts)
    return fits and len(texts) == len(value)


def _is_small(value: Value) -> bool:
    return _leaves(value, _SMALL + 1, 0) <= _SMALL


def _leaves(value: Value, enough: int, depth: int) -> int:
    """Return how many leaves `value` has; a count of `enough` may be too low."""
    if isinstance(value, str) or depth > MAX_DEPTH:
        return 1
    count = 0
    children = (child for _, child in value) if isinstance(value, Fields) else iter(value)
    for child in children:
        count += max(1, _leaves(child, enough - count, depth + 1))
        if count >= enough:
            break
    return count


def _records(value: Value) -> list[list[str]]:
    """Return a list of records as the rows of a table, [] where it is none.

    All are flat, with few fields of short text, and at least half of the cells are filled.
    """
    if isinstance(value, Fields) or len(value) < 2:
        return []
    names: dict[str, None] = {}
    filled = 0
    for record in value:
        if not isinstance(record, Fields) or not _is_flat(record):
            return []
        names.update((name, None) for name, _ in record)
        filled += len(record)
        if len(names) > _MAX_COLUMNS:
            return []
    if len(names) < 2 or filled * 2 < len(names) * len(value):
        return []
    rows = [list(names)]
    for record in value:
        cells: dict[str, str] = {name: str(cell) for name, cell in _named(record)}
        rows.append([cells.get(name, "") for name in names])
    return rows


def _is_flat(record: Fields) -> bool:
    """Tell whether `record` has only short texts, each under a name of its own."""
    return len({name for name, _ in record}) == len(record) and all(
        isinstance(text, str) and len(text) <= _MAX_CELL and "\n" not in text for _, text in record
    )
