"""Where training data lies: a file, or a folder of tables, texts, pictures or WebDataset archives.

Of a folder, tables are read if there are any (with pictures that they name), else archives, else
pictures (a folder a class, or a text beside each), else texts. Tables and archives whose names say
`train`, `validation` or `test`, and all that lies in folders of such names, are for that part.
Links are not followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from models.training.recipe import DataKind
from models.training_data.channel import DataPart
from models.training_data.pictures import SUFFIXES
from models.training_data.problems import ProblemLog
from models.training_data.tables import (
    TABLE_SUFFIXES,
    TEXT_SUFFIXES,
    ParquetReader,
    SourceRecord,
    read_table,
)
from models.training_data.webdataset import read_archive

MAX_FILES = 2_000_000
_PARTS: Mapping[str, DataPart] = {
    "train": "train",
    "training": "train",
    "valid": "validation",
    "validation": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
}
_BESIDE = re.compile(
    r"readme|licen[cs]e|notice|provenance|quality|dataset_infos?|state|data\.json"
    r"|.+\.teacher\.json$",
    re.IGNORECASE,
)
"""Files that lie beside data and are none: cards, licences, and what Headrace's exports add."""


@dataclass(slots=True)
class SourceFiles:
    """The files of a source, by what they are; their paths are relative to `root`."""

    root: Path
    tables: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def source_files(source: Path, log: ProblemLog) -> SourceFiles:
    """Return the files of a source, sorted; what is none of the data is noted."""
    if source.is_symlink() or not source.is_dir():
        files = SourceFiles(source.parent)
        (files.archives if source.suffix.lower() == ".tar" else files.tables).append(source.name)
        return files
    files = SourceFiles(source)
    for name in sorted(_names(source, log)):
        _place(files, name, log)
    if not any((files.tables, files.archives, files.images, files.texts)):
        log.add("empty_file", source.name, "the folder has no file that is data")
    return files


def _names(root: Path, log: ProblemLog) -> Iterator[str]:
    count = 0
    for folder, folders, names in os.walk(root):
        below = Path(folder).relative_to(root)
        for each in [*folders, *names]:
            if (Path(folder) / each).is_symlink():
                log.add("symlink", (below / each).as_posix())
        folders[:] = sorted(
            each for each in folders if each[0] != "." and not (Path(folder) / each).is_symlink()
        )
        for each in names:
            if each[0] == "." or (Path(folder) / each).is_symlink():
                continue
            count += 1
            if count > MAX_FILES:
                log.add("too_large", root.name, f"over {MAX_FILES:,} files")
                return
            yield (below / each).as_posix()


def _place(files: SourceFiles, name: str, log: ProblemLog) -> None:
    suffix, stem = Path(name).suffix.lower(), Path(name).name
    if suffix in SUFFIXES:
        files.images.append(name)
    elif suffix == ".tar":
        files.archives.append(name)
    elif _BESIDE.match(stem):
        log.add("other_file", name)
    elif suffix in TABLE_SUFFIXES:
        files.tables.append(name)
    elif suffix in TEXT_SUFFIXES:
        files.texts.append(name)
    else:
        log.add("other_file", name)


def read_source(
    source: Path,
    scratch: Path,
    log: ProblemLog,
    parquet: ParquetReader | None = None,
    kind: DataKind | None = None,
) -> Iterator[SourceRecord]:
    """Yield the records of a file or a folder.

    Args:
        source: The file or folder.
        scratch: A folder for the pictures of archives.
        log: Takes what is wrong.
        parquet: Reads Parquet files, if something here can.
        kind: The kind of rows that is wished: where it is text, a folder of more texts than tables
            is one of texts.
    """
    files = source_files(source, log)
    if kind == "text" and len(files.texts) > len(files.tables):
        _note_others([*files.tables, *files.images], log)
        yield from _read_texts(files, log)
    elif files.tables:
        _note_others(files.texts if not files.images else [], log)
        for name in files.tables:
            path = files.root / name
            for record in read_table(path, name, log, parquet):
                yield replace(record, part=part_of(name), folder=path.parent)
    elif files.archives:
        for name in files.archives:
            for record in read_archive(files.root / name, name, scratch, log):
                yield replace(record, part=part_of(name))
    elif files.images:
        yield from _read_images(files, log)
    else:
        yield from _read_texts(files, log)


def _note_others(names: Sequence[str], log: ProblemLog) -> None:
    for name in names:
        log.add("other_file", name)


def _read_images(files: SourceFiles, log: ProblemLog) -> Iterator[SourceRecord]:
    """Yield pictures with the text beside them, or with the name of their folder as class."""
    texts = set(files.texts)
    for name in files.images:
        beside = str(Path(name).with_suffix(".txt"))
        labels = [each for each in Path(name).parent.parts if each.lower() not in _PARTS]
        fields: dict[str, str] = {"file": Path(name).name}
        if beside in texts:
            fields["text"] = _short_text(files.root / beside, beside, log)
        elif labels:
            fields["label"] = "/".join(labels)
        part = part_of(Path(name).parent.as_posix())
        yield SourceRecord(name, fields, part, (files.root / name).parent)


def _short_text(path: Path, name: str, log: ProblemLog) -> str:
    pieces = [str(record.fields["text"]) for record in read_table(path, name, log)]
    return "\n".join(pieces)


def _read_texts(files: SourceFiles, log: ProblemLog) -> Iterator[SourceRecord]:
    """Yield texts; the pieces of each are a group."""
    for name in files.texts:
        for record in read_table(files.root / name, name, log):
            part = part_of(Path(name).parent.as_posix())
            yield replace(record, fields={**record.fields, "group": name}, part=part)


def part_of(name: str) -> DataPart | None:
    """Return the part that a path says its rows are for: `data/train-00001.jsonl` is for train."""
    words = [word for each in Path(name).parts for word in re.split(r"[-_. ]", each.lower())]
    return next((_PARTS[word] for word in words if word in _PARTS), None)
