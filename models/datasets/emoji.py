"""Emoji with their Unicode names: some 1,900 pictures of Twemoji, 32 x 32.

Pictures: Twemoji, Twitter and others, CC BY 4.0. Names: Unicode's, from C. Henderson's emoji-data
(MIT). Both come with npm's emoji-datasource-twitter; nothing of them is kept in git.
https://github.com/iamcal/emoji-data, https://github.com/jdecked/twemoji
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.data import captions
from models.data.captions import CaptionedImages
from models.data.images import Images, Split
from models.data.packages import NpmPackage, read_npm_files

PACKAGE = NpmPackage(
    "emoji-datasource-twitter",
    "16.0.0",
    "sha512-7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
)
NAMES, SHEET = "emoji.json", "img/twitter/sheets-clean/32.png"
SIDE = 32
HELD_OUT = 200
"""Emoji that judge and are never trained on."""

_PARTS_ONLY = "Component"
"""A category of swatches of skin and the like, which are no pictures of their own."""

_CELL = SIDE + 2
_PAPER = (255, 255, 255, 255)
_SEED = 0

Emoji = Mapping[str, Any]


def prepare(into: Path) -> Path:
    """Write the channel and return its captions. Equal bytes each time.

    An emoji has its name first, then other names, and its name with what kind it is. Labels are
    the nine large categories.

    Raises:
        NoDataset: the package cannot be had.
        DiskFull: there was no room.
    """
    files = read_npm_files(PACKAGE, (NAMES, SHEET))
    every = [each for each in json.loads(files[NAMES]) if _is_whole(each)]
    order = np.random.default_rng(_SEED).permutation(len(every))
    chosen = [every[at] for at in order]
    test, train = chosen[:HELD_OUT], chosen[HELD_OUT:]
    categories = sorted({each["category"] for each in every})
    with Image.open(io.BytesIO(files[SHEET])) as opened:
        sheet = opened.convert("RGBA")
    pictures = Images(
        _split(sheet, train, categories),
        _split(sheet, test, categories),
        tuple(name.lower() for name in categories),
    )
    captions_by_row = {
        "train": [_captions(each) for each in train],
        "test": [_captions(each) for each in test],
    }
    return captions.write(
        into,
        CaptionedImages(
            pictures, {"train": captions_by_row["train"], "test": captions_by_row["test"]}
        ),
    )


def _is_whole(emoji: Emoji) -> bool:
    return bool(emoji["has_img_twitter"]) and emoji["category"] != _PARTS_ONLY


def _split(sheet: Image.Image, chosen: Sequence[Emoji], categories: Sequence[str]) -> Split:
    return Split(
        np.stack([_picture(sheet, each["sheet_x"], each["sheet_y"]) for each in chosen]),
        np.array([categories.index(each["category"]) for each in chosen], np.int64),
    )


def _picture(sheet: Image.Image, column: int, row: int) -> NDArray[np.uint8]:
    """Return a picture on white, [32, 32, 3]; in the sheet it has a border of one pixel."""
    left, top = column * _CELL + 1, row * _CELL + 1
    cut = sheet.crop((left, top, left + SIDE, top + SIDE))
    paper = Image.new("RGBA", cut.size, _PAPER)
    return np.asarray(Image.alpha_composite(paper, cut).convert("RGB"))


def _captions(emoji: Emoji) -> tuple[str, ...]:
    name = _words(emoji["name"])
    others = [_words(each) for each in emoji["short_names"]]
    kinds = [f"{name}, {_words(emoji['subcategory'])}", f"{name}, {_words(emoji['category'])}"]
    return tuple(dict.fromkeys([name, *others, *kinds]))


def _words(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split())
