"""The committed part of a set of real files: where each is from, and what is asked about it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRAINING = Path(__file__).parent / "data" / "training.jsonl"


@dataclass(frozen=True, slots=True)
class Package:
    """An archive of a registry: `pypi`, `debian` or `npm`."""

    registry: str
    name: str
    version: str
    archive: str


@dataclass(frozen=True, slots=True)
class RealQuestion:
    """A question about a file; `answers` are the shortest texts of it that give the answer.

    A near miss has none: it asks what neither its file nor any other of the set says.
    """

    id: str
    text: str
    answers: tuple[str, ...]
    form: str

    @property
    def is_near_miss(self) -> bool:
        """Return whether no file answers."""
        return not self.answers


@dataclass(frozen=True, slots=True)
class RealFile:
    """A member of a package, of one `kind` of document, with the questions about it."""

    name: str
    kind: str
    package: Package
    member: str
    sha256: str
    licence: str
    questions: tuple[RealQuestion, ...]


def load_files(path: Path) -> list[RealFile]:
    """Return the files of a set, in its order."""
    return [_parsed(json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _parsed(row: Mapping[str, Any]) -> RealFile:
    return RealFile(
        name=row["file"],
        kind=row["kind"],
        package=Package(row["registry"], row["package"], row["version"], row["archive"]),
        member=row["member"],
        sha256=row["sha256"],
        licence=row["licence"],
        questions=tuple(
            RealQuestion(each["id"], each["question"], tuple(each["answers"]), each["form"])
            for each in row["questions"]
        ),
    )


def merge_files(
    files: Iterable[Mapping[str, Any]], questions: Iterable[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows of a set: each file with its questions, as a writer handed them in."""
    rows = {file["file"]: {key: file[key] for key in _FIELDS} | {"questions": []} for file in files}
    for question in questions:
        kept = {key: question[key] for key in ("id", "question", "answers", "form")}
        rows[question["file"]]["questions"].append(kept)
    return [row for row in rows.values() if row["questions"]]


_FIELDS = (
    "file",
    "kind",
    "registry",
    "package",
    "version",
    "archive",
    "member",
    "sha256",
    "licence",
)


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows of a set, a line a file."""
    lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
