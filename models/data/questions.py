"""Pictures with questions and answers, as a channel.

    pictures.npz                            train and test, uint8 of [n, side, side, channels]
    answers-train.jsonl, answers-test.jsonl a line a picture, in the same order:
        {"caption": "a large red star", "answers": {"colour": "red", "shape": "star"}}

Every line has the same attributes, each with one word as its answer. `test` is never trained on.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from models.data import json_lines
from models.data.images import to_network
from models.failures import BadData
from models.files import disk_full_as_failure, write_atomically

PICTURES = "pictures.npz"
PARTS = ("train", "test")
_AXES = 4

Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$")]
"""One word in small letters."""
Caption = Annotated[str, StringConstraints(pattern=r"^[a-z-]+( [a-z-]+){0,29}$")]
"""One to thirty words, parted by single spaces."""


class PictureDescription(BaseModel):
    """The caption of a picture, and the answer to each question about it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    caption: Caption
    answers: Annotated[Mapping[Word, Word], Field(min_length=1, max_length=16)]


@dataclass(frozen=True, slots=True)
class QuestionSplit:
    """Pictures with a description each: the train or the test part of a channel."""

    pictures: NDArray[np.uint8]
    described: Sequence[PictureDescription]

    def scaled(self) -> NDArray[np.float32]:
        """Return the pictures as [n, channels, side, side] from -1 to 1."""
        return to_network(self.pictures)


@dataclass(frozen=True, slots=True)
class Questions:
    """A channel of questions. `attributes` are the sorted names of the questions."""

    train: QuestionSplit
    test: QuestionSplit
    attributes: tuple[str, ...]

    def values(self, attribute: str) -> tuple[str, ...]:
        """Return all answers that occur for an attribute, sorted."""
        both = (*self.train.described, *self.test.described)
        return tuple(sorted({each.answers[attribute] for each in both}))

    def require(self, side: int) -> None:
        """Raise BadData unless pictures are `side` by `side` in three colours."""
        shape = self.train.pictures.shape[1:]
        if shape != (side, side, 3):
            raise BadData(
                f"{PICTURES} has pictures of {shape[0]} x {shape[1]} x {shape[2]}, and the recipe "
                f"is set to side {side} in 3 colours; change one or the other."
            )

    def require_attributes(self, attributes: Sequence[str]) -> None:
        """Raise BadData unless the channel has all of `attributes`."""
        if missing := [name for name in attributes if name not in self.attributes]:
            raise BadData(
                f"The answers have no {', '.join(missing)}; they have {', '.join(self.attributes)}."
            )


def write(folder: Path, train: QuestionSplit, test: QuestionSplit) -> Path:
    """Write a channel and return the file of pictures; the same data make the same bytes.

    Raises:
        DiskFull: there was no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in zip(PARTS, (train, test), strict=True):
        lines = (json.dumps(each.model_dump(), sort_keys=True) for each in part.described)
        write_atomically(folder / _answers(name), "".join(f"{line}\n" for line in lines).encode())
    path = folder / PICTURES
    with disk_full_as_failure(path):
        np.savez_compressed(path, train=train.pictures, test=test.pictures)
    return path


def read(folder: Path) -> Questions:
    """Read a channel.

    Raises:
        BadData: a file is missing or broken, or a line is; the message has the line and the field.
    """
    path = folder / PICTURES
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            found = {name: file[name] for name in PARTS}
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise BadData(f"{path} is no whole NPZ file with {' and '.join(PARTS)}: {error}") from error
    parts = [_part(folder, name, found[name]) for name in PARTS]
    attributes = tuple(sorted(parts[0].described[0].answers))
    for name, part in zip(PARTS, parts, strict=True):
        _require_attributes(folder / _answers(name), part.described, attributes)
    if parts[0].pictures.shape[1:] != parts[1].pictures.shape[1:]:
        raise BadData(
            f"{path}: train has pictures of {parts[0].pictures.shape[1:]} and test of "
            f"{parts[1].pictures.shape[1:]}; make them alike."
        )
    return Questions(parts[0], parts[1], attributes)


def _answers(part: str) -> str:
    return f"answers-{part}.jsonl"


def _part(folder: Path, name: str, pictures: NDArray[np.generic]) -> QuestionSplit:
    if pictures.dtype != np.uint8 or pictures.ndim != _AXES or not len(pictures):
        raise BadData(
            f"{folder / PICTURES}, {name} is {pictures.dtype} of {pictures.shape}, and has to be "
            "uint8 of [n, height, width, channels] with a row at least."
        )
    described = json_lines.read_rows(folder / _answers(name), PictureDescription)
    if len(described) != len(pictures):
        raise BadData(
            f"{folder / _answers(name)} has {len(described)} rows for {len(pictures)} pictures; "
            "give each picture a line, in their order."
        )
    return QuestionSplit(pictures.astype(np.uint8, copy=False), described)


def _require_attributes(
    path: Path, described: Sequence[PictureDescription], wanted: tuple[str, ...]
) -> None:
    for row, each in enumerate(described, 1):
        if tuple(sorted(each.answers)) != wanted:
            raise BadData(
                f"{path}, row {row}: answers has {', '.join(sorted(each.answers))}, and the first "
                f"picture has {', '.join(wanted)}; every picture needs the same."
            )
