"""Products: Zalando's pictures of clothes, 28 x 28, with titles made by a grammar.

Fashion-MNIST, H. Xiao, K. Rasul and R. Vollgraf, 2017, https://arxiv.org/abs/1708.07747, MIT, from
Debian's dataset-fashion-mnist. It has no titles. These are drawn by a grammar that writes as shops
do: a maker, a quality and what it is. What it is, is said in one of the class's own words for half
of the products; a word that several classes share for 25%; nothing for 15%; and a word of another
class, a mistake, for 10%. So neither a picture nor a title says all.
"""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from models.data.images import Split
from models.data.packages import DebianPackage, read_debian_file
from models.failures import BadData
from models.training_data.channel import ChannelWriter, DataPart, DataSource
from models.training_data.rows import ProductRow

PACKAGE = DebianPackage(
    "dataset-fashion-mnist",
    "0.0~git20200523.55506a9-1",
    "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
)
FOLDER = "usr/share/datasets/fashion-mnist"
TRAINED, JUDGED = 6000, 2000
"""Products of the package's own parts for training and testing."""

OWN_WORDS = {
    "t-shirt": ("t-shirt", "tee", "crew neck tee"),
    "trousers": ("trousers", "chinos", "slim pants"),
    "pullover": ("pullover", "jumper", "knit sweater"),
    "dress": ("dress", "sundress", "evening gown"),
    "coat": ("coat", "parka", "trench coat"),
    "sandal": ("sandal", "flip-flop", "strappy sandal"),
    "shirt": ("shirt", "button-down shirt", "oxford shirt"),
    "sneaker": ("sneaker", "trainer", "running shoe"),
    "bag": ("bag", "tote", "shoulder bag"),
    "ankle boot": ("ankle boot", "chelsea boot", "bootie"),
}
SHARED_WORDS = {
    "top": ("t-shirt", "pullover", "shirt", "dress", "coat"),
    "outerwear": ("coat", "pullover", "shirt"),
    "footwear": ("sandal", "sneaker", "ankle boot"),
    "everyday piece": tuple(OWN_WORDS),
    "accessory": ("bag", "sandal"),
    "bottoms": ("trousers", "dress"),
}
NAMES = tuple(OWN_WORDS)

_MAKERS = ("Norde", "Calla", "Vestra", "Ombra", "Fjell", "Luma", "Tarn & Co", "Brisk")
_QUALITIES = ("classic", "soft", "black", "relaxed", "new season", "light", "women's", "men's")
_BUYERS = {"women's": "women", "men's": "men"}
_KINDS = ("own", "shared", "nothing", "mistake")
_SHARES = (0.5, 0.25, 0.15, 0.1)
_SIDE = 28
_HEAD_OF_IMAGES, _HEAD_OF_LABELS = 16, 8
_SEED = 3


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Equal bytes each time.

    Raises:
        NoDataset: the package cannot be had.
        DiskFull: there was no room.
    """
    chance = random.Random(_SEED)  # noqa: S311 - a data set that is the same each time
    splits: Mapping[DataPart, Split] = {
        "train": _split("train", TRAINED),
        "test": _split("t10k", JUDGED),
    }
    about = DataSource(
        source="https://github.com/zalandoresearch/fashion-mnist",
        licence="MIT (pictures), Apache-2.0 (titles, made up by a grammar)",
        split="the package's own parts for training and testing",
    )
    with ChannelWriter(into, "products") as writer:
        for part, split in splits.items():
            for pixels, label in zip(split.images, split.labels, strict=True):
                name = writer.add_file(_png(pixels[..., 0]), ".png")
                said = title(NAMES[label], chance)
                writer.add(part, ProductRow(file=name, title=said, label=NAMES[label]))
        writer.close(about)
    return into


def _png(pixels: NDArray[np.uint8]) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def title(name: str, chance: random.Random) -> str:
    """Return a title of a product of this class."""
    kind = chance.choices(_KINDS, _SHARES)[0]
    words = [chance.choice(_MAKERS), chance.choice(_QUALITIES), _said(name, kind, chance)]
    return " ".join(word for word in words if word)


def buyer(text: str) -> str:
    """Return who a title is for, "women" or "men"; "" if it does not say."""
    for word, group in _BUYERS.items():
        if word in text.split():
            return group
    return ""


def swapped(text: str) -> str:
    """Return a title for the other buyer; as it is if it does not say who it is for."""
    women, men = _BUYERS
    other = {women: men, men: women}
    return " ".join(other.get(word, word) for word in text.split(" "))


def _said(name: str, kind: str, chance: random.Random) -> str:
    if kind == "own":
        return chance.choice(OWN_WORDS[name])
    if kind == "shared":
        return chance.choice([word for word, names in SHARED_WORDS.items() if name in names])
    if kind == "mistake":
        return chance.choice(OWN_WORDS[chance.choice([each for each in NAMES if each != name])])
    return ""


def _split(part: str, count: int) -> Split:
    """Return the first products of a part, read from the files of MNIST's format (IDX)."""
    pixels = _unpacked(f"{part}-images-idx3-ubyte.gz", _HEAD_OF_IMAGES, count * _SIDE * _SIDE)
    labels = _unpacked(f"{part}-labels-idx1-ubyte.gz", _HEAD_OF_LABELS, count)
    return Split(pixels.reshape(count, _SIDE, _SIDE, 1), labels.astype(np.int64))


def _unpacked(name: str, head: int, size: int) -> NDArray[np.uint8]:
    """Return the first bytes of a file of the package after its head."""
    packed = read_debian_file(PACKAGE, f"{FOLDER}/{name}")
    with gzip.open(io.BytesIO(packed)) as file:
        found = file.read(head + size)
    if len(found) != head + size:
        raise BadData(f"{PACKAGE.file}: {name} has {len(found)} bytes of {head + size}.")
    return np.frombuffer(found, np.uint8, offset=head)
