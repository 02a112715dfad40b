"""Nested values as text that shows the path of each value.

A small value becomes lines such as `address.city: Bern`; a large one a section under a heading of
its name; records with the same few fields a table. JSON and XML are read through it.

Values are built from the inside out. The counts that decide how a value is shown are computed as it
is built, so that the time to write a tree is linear in its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from chalicelib.errors import InvalidInput, Unsupported

MAX_DEPTH = 64
MAX_CHARACTERS = 8_000_000
"""The most characters of the text, paths included."""

_SMALL = 16
"""A value of at most this many leaves is shown as lines, without a heading of its own."""
_MAX_PATH = 200
_MAX_COLUMNS = 24
_MAX_CELL = 200
_SHORT_TEXT = 30
_LEVELS = 6


class ProseText(str):
    """Text that reads well without its name before it."""

    __slots__ = ()


class NamedValues(list[tuple[str, "Value"]]):
    """Named values in their order; a name may occur again. `title` is their heading, if any.

    Raises `InvalidInput` if values nest more than `MAX_DEPTH` deep.
    """

    __slots__ = ("depth", "leaves", "opens", "title")

    def __init__(self, pairs: Iterable[tuple[str, Value]] = (), title: str = "") -> None:
        super().__init__(pairs)
        self.title = title
        self.depth, self.leaves, opens = _measure(value for _, value in self)
        self.opens = opens or bool(title) or self.is_large

    @property
    def is_large(self) -> bool:
        """Return whether the value is large enough for a heading of its own."""
        return self.leaves > _SMALL


class ValueList(list["Value"]):
    """Values in their order. Raises `InvalidInput` as `NamedValues` does."""

    __slots__ = ("depth", "is_table", "leaves", "opens")

    def __init__(self, values: Iterable[Value] = ()) -> None:
        super().__init__(values)
        self.depth, self.leaves, opens = _measure(self)
        self.is_table = bool(_table_columns(self))
        self.opens = opens or self.is_large

    @property
    def is_large(self) -> bool:
        """Return whether the value is large enough for a heading of its own."""
        return self.is_table or self.leaves > _SMALL


Value = str | NamedValues | ValueList


@dataclass(slots=True)
class _Writer:
    """Collects the lines of small values until a section or a table ends them."""

    blocks: list[Block] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    characters: int = 0

    def add(self, block: Block) -> None:
        self.end_lines()
        self._count(len(block.text))
        self.blocks.append(block)

    def line(self, path: str, text: str) -> None:
        line = f"{path}: {text}" if path else text
        if "\n" in text or len(text) > _MAX_CELL:
            self.add(Block(line))
        else:
            self._count(len(line))
            self.lines.append(line)

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
    """Return `value` as blocks. Raises `Unsupported` if its text is too long."""
    writer = _Writer()
    _write(writer, value, path="", level=1)
    writer.end_lines()
    return writer.blocks


def too_deep() -> InvalidInput:
    """Return the error for values that nest deeper than `MAX_DEPTH`."""
    return InvalidInput(
        f"The file nests its values more than {MAX_DEPTH} deep; flatten it.",
        field="file",
        limit=str(MAX_DEPTH),
    )


def _write(writer: _Writer, value: Value, path: str, level: int) -> None:
    if isinstance(value, str):
        writer.line("" if isinstance(value, ProseText) else path, value)
        return
    if isinstance(value, ValueList) and (texts := _short_texts(value)):
        writer.line(path, ", ".join(texts))
        return
    if not value and path:
        writer.line("", f"{path}:")
        return
    title = (value.title if isinstance(value, NamedValues) else "") or (
        path if value.is_large else ""
    )
    if title and level <= _LEVELS:
        writer.add(Block(title, level))
        path, level = "", level + 1
    if isinstance(value, ValueList) and value.is_table:
        _write_table(writer, value, path)
        return
    for name, child in _in_reading_order(value):
        if len(name) >= _MAX_PATH:
            writer.add(Block(name))
        _write(writer, child, _join_path(path, name), level)
        if isinstance(child, NamedValues) and isinstance(value, ValueList):
            writer.end_lines()


def _write_table(writer: _Writer, records: ValueList, path: str) -> None:
    """Write records as a table; its path is written above it if it has no heading."""
    if path:
        writer.line("", f"{path}:")
    names = _table_columns(records)
    rows = ([cells.get(name, "") for name in names] for cells in map(_record_cells, records))
    for block in table_blocks(rows, header=list(names)):
        writer.add(block)


def _in_reading_order(value: NamedValues | ValueList) -> Iterable[tuple[str, Value]]:
    """Return the named parts of `value`, small ones first.

    Behind a section they would seem to belong to its heading. If there is prose, its own order is
    kept.
    """
    if isinstance(value, ValueList):
        return ((f"[{number}]", child) for number, child in enumerate(value))
    if any(isinstance(child, ProseText) for _, child in value):
        return value
    return sorted(value, key=lambda pair: not isinstance(pair[1], str) and pair[1].opens)


def _join_path(path: str, name: str) -> str:
    """Return the path of `name` below `path`, with its beginning cut if it is too long."""
    parts = "" if name.startswith("[") or not (name and path) else "."
    joined = path + parts + name
    return joined if len(joined) <= _MAX_PATH else "…" + joined[1 - _MAX_PATH :]


def _measure(values: Iterable[Value]) -> tuple[int, int, bool]:
    """Return the depth of a value of `values`, its leaves, and whether one has a heading.

    Leaves are counted until there are too many for a few lines.
    """
    depth, leaves, opens = 1, 0, False
    for value in values:
        if isinstance(value, str):
            leaves += 1
        else:
            depth = max(depth, value.depth + 1)
            leaves += max(1, value.leaves)
            opens = opens or value.opens
    if depth > MAX_DEPTH:
        raise too_deep()
    return depth, min(leaves, _SMALL + 1), opens


def _short_texts(values: ValueList) -> list[str]:
    """Return `values` if they are few short texts, which one line can hold, else nothing."""
    texts = [value for value in values[: _SMALL + 1] if isinstance(value, str)]
    fit = all(len(text) <= _SHORT_TEXT and "\n" not in text for text in texts)
    return texts if fit and len(texts) == len(values) <= _SMALL else []


def _table_columns(values: ValueList) -> dict[str, None]:
    """Return the field names of records that form a table, nothing if they form none.

    All are flat, with few fields of short text, and at least half of the cells are filled.
    """
    names: dict[str, None] = {}
    filled = 0
    for record in values:
        if not isinstance(record, NamedValues) or not _is_flat(record):
            return {}
        names.update((name, None) for name, _ in record)
        filled += len(record)
        if len(names) > _MAX_COLUMNS:
            return {}
    is_table = len(values) > 1 and len(names) > 1 and filled * 2 >= len(names) * len(values)
    return names if is_table else {}


def _is_flat(record: NamedValues) -> bool:
    """Return whether `record` has only short texts, each under a name of its own."""
    return len({name for name, _ in record}) == len(record) and all(
        isinstance(text, str) and len(text) <= _MAX_CELL and "\n" not in text for _, text in record
    )


def _record_cells(record: Value) -> dict[str, str]:
    fields: Iterator[tuple[str, Value]] = (
        iter(record) if isinstance(record, NamedValues) else iter(())
    )
    return {name: str(text) for name, text in fields}
