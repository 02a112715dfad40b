"""Emoji of two vendors with their Unicode names: one drawing is trained on, the other judges.

Trained on are Twemoji; held out are Noto's of things that no trained emoji shows, so that neither
the style nor the thing was seen; settings are tried on others of Noto's. Emoji that are alike are
held out together, as in `emoji`.

Pictures: Twemoji, Twitter and others, CC BY 4.0; Noto Emoji, Google, Apache-2.0. Names: Unicode's,
from C. Henderson's emoji-data (MIT). Both come with npm packages; nothing of them is kept in git.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data.groups import held_out_rows
from models.data.packages import NpmPackage, read_npm_files
from models.datasets.emoji import (
    NAMES,
    PACKAGE,
    SHEET,
    Emoji,
    alike,
    emoji_name,
    is_whole,
    sheet_pictures,
)
from models.training_data.channel import PARTS, ChannelWriter, DataPart, DataSource
from models.training_data.rows import CaptionedImage

OTHER_PACKAGE = NpmPackage(
    "emoji-datasource-google",
    "16.0.0",
    "sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
)
TRAINED, JUDGED = "twitter", "google"
HELD_OUT, VALIDATED = 400, 100
_SEED = 0
_TRAIN, _VALIDATION, _TEST = range(len(PARTS))


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Equal bytes each time.

    Raises:
        NoDataset: a package cannot be had.
        DiskFull: there was no room.
    """
    files = read_npm_files(PACKAGE, (NAMES, SHEET))
    every = [each for each in json.loads(files[NAMES]) if _is_drawn(each)]
    parts = _parts(alike(every, sheet_pictures(files[SHEET], every)))
    pictures = {
        TRAINED: _pictures(PACKAGE, TRAINED, every),
        JUDGED: _pictures(OTHER_PACKAGE, JUDGED, every),
    }
    about = DataSource(
        source="https://github.com/jdecked/twemoji and https://github.com/googlefonts/noto-emoji, "
        "by https://github.com/iamcal/emoji-data",
        licence="CC-BY-4.0 and Apache-2.0",
        split="by the thing that is shown, and the rows that judge are of another vendor",
    )
    with ChannelWriter(into, "captioned_images") as writer:
        for each, part in zip(every, parts, strict=True):
            vendor = TRAINED if part == "train" else JUDGED
            name = writer.add_file(pictures[vendor][each["image"]], ".png")
            writer.add(part, CaptionedImage(file=name, text=emoji_name(each)))
        writer.close(about)
    return into


def _is_drawn(emoji: Emoji) -> bool:
    return is_whole(emoji) and bool(emoji["has_img_google"])


def _parts(group: NDArray[np.int64]) -> list[DataPart]:
    """Return the part of each emoji; those of one group are of one part."""
    rng = np.random.default_rng(_SEED)
    held = held_out_rows(group, HELD_OUT + VALIDATED, rng)
    # All that is not held out is one group, which is too large to be chosen again.
    judged = held_out_rows(np.where(held, group, group.max() + 1), HELD_OUT, rng)
    parts = np.where(judged, _TEST, np.where(held, _VALIDATION, _TRAIN))
    return [PARTS[at] for at in parts.tolist()]


def _pictures(package: NpmPackage, vendor: str, every: list[Emoji]) -> Mapping[str, bytes]:
    """Return the pictures of emoji, 64 pixels wide, by the names of their files."""
    folder = f"img/{vendor}/64"
    found = read_npm_files(package, [f"{folder}/{each['image']}" for each in every])
    return {name.removeprefix(f"{folder}/"): content for name, content in found.items()}
