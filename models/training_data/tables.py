"""Rows of files as records: JSON Lines, JSON, CSV, TSV, Parquet and plain text.

Files are read in a stream, but for JSON documents, so that memory does not grow with them.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TextIO

from chalicelib.errors import Unsupported
from functions.read_document.text.encodings import encoding_of
from models.training_data.channel import DataPart
from models.training_data.problems import ProblemLog
from models.training_data.rows import MAX_TEXT

MAX_FILE_BYTES = 8 * 2**30
MAX_JSON_BYTES = 256 * 2**20
"""The largest JSON document, which is read whole."""
MAX_LINE = 16 * 2**20
"""The most characters of one line."""
PIECE_CHARACTERS = 4_000
"""The most characters of a piece of a plain text."""
_BLOCK = 2**20
_SEPARATORS = ",;\t|"
_SNIFFED_LINES = 20
_MAGIC: Mapping[bytes, str] = {
    b"PK\x03\x04": "a ZIP archive, or an Office file",
    b"PK\x05\x06": "an empty ZIP archive",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed by gzip",
    b"BZh": "compressed by bzip2",
    b"\xfd7zXZ\x00": "compressed by xz",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"GIF8": "a picture",
    b"\x89HDF": "HDF5",
    b"SQLite format 3\x00": "an SQLite database",
    b"\x80\x04\x95": "a Python pickle, which would run code",
    b"ARROW1": "an Arrow file",
    b"\xd0\xcf\x11\xe0": "an old Office file",
}
TABLE_SUFFIXES = frozenset((".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet"))
TEXT_SUFFIXES = frozenset((".txt", ".md", ".markdown", ".rst"))

_NUMBER = re.compile(r"[-+]?\d+([.,]\d+)?([eE][-+]?\d+)?")

ParquetReader = Callable[[Path], Iterator[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A row as its file has it. `place` is the file and its line.

    `part` is the part that its file is for, if that is said; `folder` is where its pictures are.
    """

    place: str
    fields: Mapping[str, Any]
    part: DataPart | None = None
    folder: Path | None = None


class _NotANumberError(ValueError):
    """Raised for NaN and Infinity in JSON."""


def _refuse_constant(name: str) -> NoReturn:
    raise _NotANumberError(name)


_decode_json = partial(json.loads, parse_constant=_refuse_constant)


def read_table(
    path: Path, name: str, log: ProblemLog, parquet: ParquetReader | None = None
) -> Iterator[SourceRecord]:
    """Yield the rows of a file; what cannot be read is noted under `name` with its line.

    Args:
        path: The file.
        name: What the file is called in places.
        log: Takes what is wrong.
        parquet: Reads Parquet files, if something here can.
    """
    head = _head(path, name, log)
    if head is None:
        return
    if head.startswith(b"PAR1"):
        yield from _read_parquet(path, name, log, parquet)
        return
    opened = _open_text(path, name, head, log)
    if opened is None:
        return
    with opened as file:
        found = False
        for record in _records_of(file, path, name, log):
            found = True
            yield record
    if not found and not any(log.count(each) for each in ("broken_json", "broken_csv")):
        log.add("empty_file", name)


def _records_of(file: TextIO, path: Path, name: str, log: ProblemLog) -> Iterator[SourceRecord]:
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        return _read_pieces(file, name)
    first = _first_character(file)
    if suffix in (".csv", ".tsv") or (suffix not in TABLE_SUFFIXES and first not in "{["):
        return _read_csv(file, name, "\t" if suffix == ".tsv" else None, log)
    if suffix in (".jsonl", ".ndjson") or _is_json_lines(file):
        return _read_json_lines(file, name, log)
    return _read_json(file, path, name, log)


def _head(path: Path, name: str, log: ProblemLog) -> bytes | None:
    """Return the beginning of a file, or None where it is no data, which is noted."""
    try:
        if path.is_symlink():
            log.add("symlink", name)
            return None
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_BLOCK)
    except OSError as error:
        log.add("unreadable_file", name, error.strerror or str(error))
        return None
    if size > MAX_FILE_BYTES:
        log.add("too_large", name, f"it has {size:,} bytes; {MAX_FILE_BYTES:,} are taken")
        return None
    if not head.strip():
        log.add("empty_file", name)
        return None
    for mark, what in _MAGIC.items():
        if head.startswith(mark):
            log.add("not_data", name, f"it is {what}")
            return None
    return head


def _open_text(path: Path, name: str, head: bytes, log: ProblemLog) -> TextIO | None:
    try:
        encoding = encoding_of(lambda: _blocks(path))
    except Unsupported:
        log.add("encoding" if head.isascii() or b"\0" not in head else "not_data", name)
        return None
    if encoding == "utf-8" and head.startswith(codecs.BOM_UTF8):
        log.add("byte_order_mark", name)
        encoding = "utf-8-sig"
    elif encoding != "utf-8":
        log.add("other_encoding", name, f"read as {encoding}")
    if b"\r\n" in head:
        log.add("windows_lines", name)
    # Universal newlines would take a lone CR within a text for the end of a line.
    # Of two bytes a character only the beginning was tried: what cannot be read is U+FFFD then.
    return path.open(encoding=encoding, errors="replace", newline="")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _first_character(file: TextIO) -> str:
    found = file.read(_BLOCK).lstrip("\ufeff \r\n\t")[:1]
    file.seek(0)
    return found or " "


def _is_json_lines(file: TextIO) -> bool:
    """Return whether the first line that is not empty is an object, and no document alone."""
    filled = (line for line in iter(partial(file.readline, MAX_LINE), "") if line.strip())
    first, second = next(filled, ""), next(filled, "")
    file.seek(0)
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(second or not _lists_of(found))


def _lists_of(document: Mapping[str, Any]) -> list[list[Any]]:
    return [each for each in document.values() if isinstance(each, list)]


def _lines(file: TextIO, name: str, log: ProblemLog) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers; a line that is too long is noted and skipped."""
    number = 0
    while line := file.readline(MAX_LINE):
        number += 1
        if len(line) < MAX_LINE:
            yield number, line
            continue
        log.add("long_row", f"{name}:{number}", f"over {MAX_LINE:,} characters")
        while line and not line.endswith("\n"):
            line = file.readline(MAX_LINE)


def _read_json_lines(file: TextIO, name: str, log: ProblemLog) -> Iterator[SourceRecord]:
    for number, line in _lines(file, name, log):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            fields = _decode_json(line.strip("\ufeff \r\n\t"))
        except _NotANumberError as error:
            log.add("not_a_number", place, str(error))
        except (ValueError, RecursionError) as error:
            log.add("broken_json", place, str(error))
        else:
            if isinstance(fields, dict):
                yield SourceRecord(place, fields)
            else:
                log.add("broken_json", place, f"a {type(fields).__name__}, and no object")


def _read_json(file: TextIO, path: Path, name: str, log: ProblemLog) -> Iterator[SourceRecord]:
    """Yield the objects of the list that a document is, or that it holds alone."""
    size = path.stat().st_size
    if size > MAX_JSON_BYTES:
        log.add("too_large", name, f"a JSON document of {size:,} bytes; {MAX_JSON_BYTES:,} fit")
        return
    text = file.read()
    try:
        document = _decode_json(text)
    except _NotANumberError as error:
        log.add("not_a_number", name, str(error))
        return
    except json.JSONDecodeError as error:
        log.add("broken_json", f"{name}:{error.lineno}", error.msg)
        return
    except (ValueError, RecursionError) as error:
        log.add("broken_json", name, str(error))
        return
    lists = _lists_of(document) if isinstance(document, dict) else [document]
    if len(lists) != 1 or not isinstance(lists[0], list):
        log.add("broken_json", name, "a document is a list of objects, or an object with one list")
        return
    for number, each in enumerate(lists[0], 1):
        place = f"{name}, row {number}"
        if isinstance(each, dict):
            yield SourceRecord(place, each)
        else:
            log.add("broken_json", place, f"a {type(each).__name__}, and no object")


def _read_csv(
    file: TextIO, name: str, separator: str | None, log: ProblemLog
) -> Iterator[SourceRecord]:
    csv.field_size_limit(4 * MAX_TEXT)
    reader = csv.reader(file, delimiter=separator or _separator(file), strict=True)
    header: list[str] | None = None
    begins = 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            # A quote that is not closed takes the lines after it along: each counts as a row.
            lost = max(1, reader.line_num - begins + 1)
            told = f"{error}; the row begins at this line, and {lost:,} lines are lost"
            log.add("broken_csv", f"{name}:{begins}", told, lost)
            if header is None:
                return
            begins = reader.line_num + 1
            continue
        if row is None:
            return
        place, begins = f"{name}:{begins}", reader.line_num + 1
        if not any(cell.strip() for cell in row):
            continue
        if header is None:
            header = [cell.strip().lstrip("\ufeff") for cell in row]
            if number := next(filter(_NUMBER.fullmatch, header), ""):
                log.add("no_header", place, f"{number} names a column")
            if repeated := {each for each in header if header.count(each) > 1}:
                log.add("repeated_column", place, ", ".join(sorted(repeated)))
                return
        elif len(row) != len(header):
            log.add("broken_csv", place, f"{len(row)} fields, and the header has {len(header)}")
        else:
            yield SourceRecord(place, dict(zip(header, row, strict=True)))


def _separator(file: TextIO) -> str:
    """Return the separator that gives most rows of the beginning the header's number of fields."""
    lines = [file.readline(MAX_LINE) for _ in range(_SNIFFED_LINES)]
    file.seek(0)

    def fit(separator: str) -> tuple[int, int]:
        try:
            rows = [row for row in csv.reader(lines, delimiter=separator) if row]
        except csv.Error:
            return 0, 0
        columns = len(rows[0]) if rows else 0
        return (sum(len(row) == columns for row in rows) if columns > 1 else 0), columns

    return max(_SEPARATORS, key=fit)


def _read_pieces(file: TextIO, name: str) -> Iterator[SourceRecord]:
    """Yield a text in pieces of whole paragraphs, as far as they are short enough."""
    held, begins, number = "", 1, 1
    while line := file.readline(PIECE_CHARACTERS):
        full = len(held) + len(line) > PIECE_CHARACTERS
        if held and (full or (not line.strip() and len(held) > PIECE_CHARACTERS // 2)):
            yield SourceRecord(f"{name}:{begins}", {"text": _plain(held)})
            held, begins = "", number
        held += line
        number += line.endswith("\n")
    if held.strip():
        yield SourceRecord(f"{name}:{begins}", {"text": _plain(held)})


def _plain(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text).strip("\n")


def _read_parquet(
    path: Path, name: str, log: ProblemLog, parquet: ParquetReader | None
) -> Iterator[SourceRecord]:
    if parquet is None:
        log.add("unreadable_file", name, "Parquet is read by pyarrow: pip install pyarrow")
        return
    count = 0
    for count, fields in enumerate(parquet(path), 1):
        yield SourceRecord(f"{name}, row {count}", fields)
    if not count:
        log.add("empty_file", name)
