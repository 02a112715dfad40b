"""Captioned pictures as a channel: labelled images, their captions, and the vocabulary.

    images.npz        labelled pictures, as `images` has them
    captions.jsonl    {"part": "train", "row": 17, "captions": ["a bold handwritten three", …]}
    vocabulary.json   every word of the captions with its number, from 1 on; left out where a
                      recipe learns tokens of its own

A picture may have several captions; the first is the most complete. Labels serve evaluation only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from chalicelib.errors import HeadraceError, InvalidInput
from chalicelib.inference.vocabulary import VOCABULARY_FILE as WORDS
from chalicelib.inference.vocabulary import PromptVocabulary
from models.data import images, json_lines
from models.data.images import Images, validation_rows
from models.failures import BadData
from models.files import write_atomically

FILE = "captions.jsonl"

Part = Literal["train", "test"]


class CaptionRow(BaseModel):
    """The captions of one picture: a line of `captions.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: Part
    row: Annotated[int, Field(ge=0)]
    captions: Annotated[tuple[str, ...], Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class CaptionedImages:
    """A channel of captioned pictures. `captions` are by part, in the order of its pictures."""

    images: Images
    captions: Mapping[Part, Sequence[tuple[str, ...]]]
    vocabulary: PromptVocabulary = field(default_factory=lambda: PromptVocabulary({}))

    def require(self, side: int, channels: int, words: int) -> None:
        """Raise BadData unless pictures have this size and the vocabulary has `words` words."""
        self.images.require(side, channels)
        if len(self.vocabulary.numbers) != words:
            raise BadData(
                f"{WORDS} has {len(self.vocabulary.numbers)} words, and the recipe is set to words "
                f"{words}; change one or the other."
            )

    def tokens(self, part: Part, length: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the tokens of all captions, and the number of captions of each picture.

        Shapes: [pictures, most captions, length] and [pictures].

        Raises:
            BadData: a caption has an unknown word or is too long; the message names its row.
        """
        captions = self.captions[part]
        rows = np.zeros((len(captions), max(map(len, captions)), length), np.int64)
        for at, texts in enumerate(captions):
            for place, caption in enumerate(texts):
                try:
                    rows[at, place] = self.vocabulary.tokens(caption, length, "caption")
                except InvalidInput as error:
                    raise BadData(f"{FILE}, {part}, row {at}: {error.message}") from error
        return rows, np.array([len(texts) for texts in captions], np.int64)


_CLASS_STEP = 6


def class_validation(data: CaptionedImages) -> CaptionedImages:
    """Return a channel whose test is of the training pictures alone, and not of the test's.

    It has every picture of each sixth class, which then is never trained on, and a fifth of those
    of the others.
    """
    train = data.images.train
    unseen = np.unique(train.labels)[::_CLASS_STEP]
    held = validation_rows(len(train.labels)) | np.isin(train.labels, unseen)
    told = data.captions["train"]
    parts: dict[Part, NDArray[np.bool_]] = {"train": ~held, "test": held}
    return CaptionedImages(
        Images(train.at(~held), train.at(held), data.images.names),
        {part: [told[int(at)] for at in np.flatnonzero(rows)] for part, rows in parts.items()},
        data.vocabulary,
    )


def write(folder: Path, channel: CaptionedImages) -> Path:
    """Write a channel; equal content gives equal bytes. Raises DiskFull."""
    images.write(folder, channel.images)
    if channel.vocabulary.numbers:
        write_atomically(folder / WORDS, channel.vocabulary.content())
    told = [
        CaptionRow(part=part, row=at, captions=captions).model_dump_json()
        for part, all_captions in channel.captions.items()
        for at, captions in enumerate(all_captions)
    ]
    write_atomically(folder / FILE, "".join(f"{line}\n" for line in told).encode())
    return folder / FILE


def read(folder: Path) -> CaptionedImages:
    """Read a channel.

    Raises:
        BadData: a file is missing or broken, a picture has no captions, or captions no picture; the
            message names the row.
    """
    found = images.read(folder)
    vocabulary = _read_vocabulary(folder / WORDS)
    told = json_lines.read_rows(folder / FILE, CaptionRow)
    counts: dict[Part, int] = {"train": len(found.train.images), "test": len(found.test.images)}
    return CaptionedImages(
        found,
        {part: _captions_by_row(told, part, count) for part, count in counts.items()},
        vocabulary,
    )


def _read_vocabulary(path: Path) -> PromptVocabulary:
    if not path.exists():
        return PromptVocabulary({})
    try:
        return PromptVocabulary.of(path.read_bytes())
    except (OSError, HeadraceError) as error:
        raise BadData(f"{path} cannot be read: {error}") from error


def _captions_by_row(told: Sequence[CaptionRow], part: Part, count: int) -> list[tuple[str, ...]]:
    """Return the captions of each of `count` pictures."""
    by_row: dict[int, tuple[str, ...]] = {}
    for each in told:
        if each.part != part:
            continue
        if each.row >= count:
            raise BadData(f"{FILE}: {part} has {count} pictures, and captions of row {each.row}.")
        if each.row in by_row:
            raise BadData(f"{FILE}: {part}, row {each.row} has captions twice; join them.")
        by_row[each.row] = each.captions
    missing = [at for at in range(count) if at not in by_row]
    if missing:
        raise BadData(
            f"{FILE}: {part} lacks captions of {len(missing)} of {count} pictures; the first is "
            f"row {missing[0]}."
        )
    return [by_row[at] for at in range(count)]
