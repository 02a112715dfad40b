"""Emoji with their Unicode names: some 1,900 pictures of Twemoji, 32 x 32.

Emoji that are alike are held out together: those that differ by a person's gender, age or direction
alone, those that share a name, and those whose pictures are almost the same.

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
from models.data.groups import groups, held_out_rows, near_pairs, same_key_pairs
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
"""Emoji that judge and are never trained on, at most."""

NEAR = 20.0
"""Pictures that differ by less are alike: the root of the mean square of pixels, 0 to 255."""

_VARYING = frozenset(
    {
        *("200D", "FE0F", "2640", "2642", "27A1"),  # joiner, style, signs of gender, to the right
        *("1F466", "1F467", "1F468", "1F469", "1F474", "1F475"),  # boy to old woman
        *("1F9D1", "1F9D2", "1F9D3"),  # adult, child, older adult
    }
)
"""Code points by which emoji of one thing differ: https://www.unicode.org/reports/tr51/"""

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
    every = [each for each in json.loads(files[NAMES]) if is_whole(each)]
    drawn = sheet_pictures(files[SHEET], every)
    rng = np.random.default_rng(_SEED)
    held = held_out_rows(alike(every, drawn), HELD_OUT, rng)
    order = rng.permutation(len(every))
    rows = [np.array([at for at in order if held[at] == part]) for part in (True, False)]
    test, train = ([every[at] for at in part] for part in rows)
    categories = sorted({each["category"] for each in every})
    pictures = Images(
        _split(drawn[rows[1]], train, categories),
        _split(drawn[rows[0]], test, categories),
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


def is_whole(emoji: Emoji) -> bool:
    """Return whether an emoji has a picture that shows something by itself."""
    return bool(emoji["has_img_twitter"]) and emoji["category"] != _PARTS_ONLY


def alike(every: Sequence[Emoji], pictures: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the group of each emoji, [n]: all that are alike are in one."""
    keys = [{_thing(each), *_captions(each)[: 1 + len(each["short_names"])]} for each in every]
    return groups(len(every), [*same_key_pairs(keys), *near_pairs(pictures, NEAR)])


def _thing(emoji: Emoji) -> tuple[str, ...]:
    """Return the code points of an emoji without those of gender, age and direction."""
    points = tuple(emoji["unified"].split("-"))
    return tuple(each for each in points if each not in _VARYING) or ("person",)


def _split(drawn: NDArray[np.uint8], chosen: Sequence[Emoji], categories: Sequence[str]) -> Split:
    return Split(drawn, np.array([categories.index(each["category"]) for each in chosen], np.int64))


def sheet_pictures(content: bytes, chosen: Sequence[Emoji]) -> NDArray[np.uint8]:
    """Return the pictures of emoji on white, [n, 32, 32, 3], out of the sheet with all of them."""
    with Image.open(io.BytesIO(content)) as opened:
        sheet = opened.convert("RGBA")
    return np.stack([_picture(sheet, each["sheet_x"], each["sheet_y"]) for each in chosen])


def _picture(sheet: Image.Image, column: int, row: int) -> NDArray[np.uint8]:
    """Return a picture on white, [32, 32, 3]; in the sheet it has a border of one pixel."""
    left, top = column * _CELL + 1, row * _CELL + 1
    cut = sheet.crop((left, top, left + SIDE, top + SIDE))
    paper = Image.new("RGBA", cut.size, _PAPER)
    return np.asarray(Image.alpha_composite(paper, cut).convert("RGB"))


def emoji_name(emoji: Emoji) -> str:
    """Return what Unicode calls an emoji, in small letters."""
    return _words(emoji["name"])


def _captions(emoji: Emoji) -> tuple[str, ...]:
    name = emoji_name(emoji)
    others = [_words(each) for each in emoji["short_names"]]
    kinds = [f"{name}, {_words(emoji['subcategory'])}", f"{name}, {_words(emoji['category'])}"]
    return tuple(dict.fromkeys([name, *others, *kinds]))


def _words(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split())
