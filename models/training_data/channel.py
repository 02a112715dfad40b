"""A prepared channel of training data: its manifest, its rows by part, and its pictures.

    data.json                                    the manifest: kind, counts, version, licence, …
    train.jsonl, validation.jsonl, test.jsonl    rows, as rows.py has them; a part may be empty
    files/                                       pictures, named by their content

The version is a hash of the rows and their parts. It depends on no order, and on no name of a
picture: pictures are named by their sha256. It stays when a part of the manifest is said anew.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Generic, Literal, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.data import json_lines
from models.failures import BadData
from models.files import disk_full_as_failure, sha256_of_folder, write_atomically
from models.training.recipe import DataKind
from models.training_data.rows import DataRow

MANIFEST, FILES = "data.json", "files"
DataPart = Literal["train", "validation", "test"]
PARTS: tuple[DataPart, ...] = get_args(DataPart)
R = TypeVar("R", bound=DataRow)

_FORMAT = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DataProblem(_Record):
    """A problem that was found in the data and accepted, and how many rows have it."""

    name: str
    rows: int
    about: str


TrainingTerms = Literal["own", "conditional", "restricted", "unknown"]
"""What a provider's terms say of training a model on what its models write."""


class TeacherRecord(_Record):
    """A model whose answers the rows have, and on which terms of its provider.

    `terms` is the name by which they were agreed to, `says` what they say by `source` on the date
    `read`. `rows` are its answers, and `dropped` those that were left out, by reason.
    """

    model: str
    provider: str
    terms: str
    training: TrainingTerms
    says: str
    source: str = ""
    read: str = ""
    accepted: bool = False
    rows: int = 0
    dropped: Mapping[str, int] = {}


class DataSource(_Record):
    """Where data comes from and under which licence; `split` says how its parts were made.

    `teachers` are the models that answered its rows, and `tenant` is the tenant of a stage whose
    data they came of, "" if that is none or not known.
    """

    source: Annotated[str, Field(max_length=2_000)]
    licence: Annotated[str, Field(min_length=1, max_length=500)]
    split: Annotated[str, Field(max_length=500)] = "as the data set has it"
    teachers: tuple[TeacherRecord, ...] = ()
    tenant: Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]{1,30})?$")] = ""


class DataManifest(DataSource):
    """The manifest of a channel. Counts are of rows by part."""

    format: Literal[1] = 1
    kind: DataKind
    version: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    counts: Mapping[DataPart, int]
    classes: Mapping[str, int] = {}
    """Rows of each class, in all parts, of a kind that has classes."""
    problems: tuple[DataProblem, ...] = ()
    made_by: str = ""
    """The version of Headrace that prepared it."""


@dataclass(frozen=True, slots=True)
class DataChannel(Generic[R]):
    """A prepared channel. `validation` and `test` are never trained on."""

    folder: Path
    manifest: DataManifest
    train: tuple[R, ...]
    validation: tuple[R, ...]
    test: tuple[R, ...]

    def file(self, name: str) -> Path:
        """Return where the picture `name` of a row lies."""
        return self.folder / FILES / name

    def part(self, name: DataPart) -> tuple[R, ...]:
        """Return the rows of a part."""
        return {"train": self.train, "validation": self.validation, "test": self.test}[name]


def is_channel(folder: Path) -> bool:
    """Return whether a folder is a prepared channel, by its manifest."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> DataManifest:
    """Return the manifest of a channel. Raises BadData, which names the field."""
    path = folder / MANIFEST
    try:
        return DataManifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error}. `headrace train` prepares it.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise BadData(f"{path}: {place}: {first['msg']}") from error


def read_channel(folder: Path, row: type[R]) -> DataChannel[R]:
    """Return the channel of a folder, whose rows are of the class `row`.

    Raises:
        BadData: it is no channel, of another kind, or has a broken row or a missing picture; the
            message has file, line and field. There is no row to train on, or none to judge on.
    """
    manifest = read_manifest(folder)
    if manifest.kind != row.kind:
        raise BadData(f"{folder} has data of the kind {manifest.kind}, and {row.kind} is needed.")
    parts = {part: _read_part(folder, part, row, manifest.counts) for part in PARTS}
    if not parts["train"] or not parts["test"]:
        lacking = "train" if not parts["train"] else "test"
        raise BadData(f"{folder} has no row of the part {lacking}.")
    for part, rows in parts.items():
        for number, each in enumerate(rows, 1):
            name = each.image_file()
            if name is not None and not (folder / FILES / name).is_file():
                raise BadData(f"{part}.jsonl, line {number}: there is no picture {FILES}/{name}.")
    return DataChannel(folder, manifest, parts["train"], parts["validation"], parts["test"])


def _read_part(
    folder: Path, part: DataPart, row: type[R], counts: Mapping[DataPart, int]
) -> tuple[R, ...]:
    path = folder / f"{part}.jsonl"
    if not counts.get(part) and (not path.exists() or not path.stat().st_size):
        return ()
    rows = tuple(json_lines.read_rows(path, row))
    if len(rows) != counts.get(part, 0):
        raise BadData(
            f"{path} has {len(rows)} rows, and {MANIFEST} says {counts.get(part, 0)}: the channel "
            "is not whole; prepare it again."
        )
    return rows


def data_version(folder: Path) -> str:
    """Return what identifies the data of a job: a channel's version, else the hash of its files.

    What a manifest says beside the rows, such as the licence, makes no other data.
    """
    return read_manifest(folder).version if is_channel(folder) else sha256_of_folder(folder)


class ChannelWriter:
    """Writer of a channel: pictures and rows of any part in any order, then the manifest.

    It is a context, which ends with `close`, or leaves a folder without a manifest.
    """

    def __init__(self, folder: Path, kind: DataKind) -> None:
        """Begin a channel of `kind` in `folder`, whose earlier channel is removed."""
        self._folder, self._kind = folder, kind
        folder.mkdir(parents=True, exist_ok=True)
        (folder / MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(folder / FILES, ignore_errors=True)
        self._open = {part: (folder / f"{part}.jsonl").open("wb") for part in PARTS}
        self._digests: list[bytes] = []
        self._counts: dict[DataPart, int] = dict.fromkeys(PARTS, 0)
        self._classes: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()

    def add_file(self, content: bytes, suffix: str) -> str:
        """Keep a picture and return its name, by which rows call it. Raises DiskFull."""
        name = f"{hashlib.sha256(content).hexdigest()[:32]}{suffix.lower()}"
        path = self._folder / FILES / name
        if not path.exists():
            # Without a wait for the disk, a hundredth of a second each: until the manifest is
            # there, this is no channel.
            with disk_full_as_failure(path, len(content)):
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
        return name

    def add(self, part: DataPart, row: DataRow) -> None:
        """Write a row. Raises DiskFull."""
        line = row.line().encode()
        with disk_full_as_failure(self._folder / f"{part}.jsonl"):
            self._open[part].write(line + b"\n")
        self._digests.append(hashlib.sha256(f"{part}\0".encode() + line).digest())
        self._counts[part] += 1
        label = row.class_label()
        if label is not None:
            self._classes[label] = self._classes.get(label, 0) + 1

    def close(
        self, about: DataSource, problems: Iterable[DataProblem] = (), made_by: str = ""
    ) -> DataManifest:
        """Write the manifest and return it. Raises DiskFull."""
        for part, file in self._open.items():
            with disk_full_as_failure(self._folder / f"{part}.jsonl"):
                file.close()
        whole = hashlib.sha256(f"{_FORMAT}\0{self._kind}\0".encode())
        for digest in sorted(self._digests):
            whole.update(digest)
        manifest = DataManifest(
            **about.model_dump(),
            kind=self._kind,
            version=whole.hexdigest(),
            counts=self._counts,
            classes=dict(sorted(self._classes.items())),
            problems=tuple(problems),
            made_by=made_by,
        )
        content = f"{manifest.model_dump_json(indent=1)}\n"
        write_atomically(self._folder / MANIFEST, content.encode())
        return manifest


def write_channel(
    folder: Path, kind: DataKind, rows: Mapping[DataPart, Iterable[DataRow]], about: DataSource
) -> DataManifest:
    """Write rows without pictures, by part, as a channel. Raises DiskFull."""
    with ChannelWriter(folder, kind) as writer:
        for part, each in _rows_by_part(rows):
            writer.add(part, each)
        return writer.close(about)


def _rows_by_part(
    rows: Mapping[DataPart, Iterable[DataRow]],
) -> Iterator[tuple[DataPart, DataRow]]:
    for part in PARTS:
        for each in rows.get(part, ()):
            yield part, each
