"""Cross-lingual vectors of labels, from the groups of letters that their words are made of.

`Bestellnummer` and `order number` have vectors near each other, and so has `Bestellnr.`, which was
never seen: the vectors of groups of letters were learned from translations of business software
(`models/field_ranker/translations.py`). The embedding model of the product reads mostly English.
P. Bojanowski et al., Enriching word vectors with subword information, TACL 2017,
https://arxiv.org/abs/1607.04606
"""

from __future__ import annotations

import base64
import functools
import json
import re
import unicodedata
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SUBWORDS = Path(__file__).with_name("label_subwords.json")

GRAMS = (3, 4, 5)
"""Lengths of the groups of letters; a whole word is one, too."""
MAX_TEXT = 120
MAX_GRAMS = 200
_LETTERS = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True, eq=False)
class SubwordVectors:
    """Vectors of groups of letters, which share a row where their hashes are equal.

    Attributes:
        rows: (hashes, dimensions), in whole numbers of one scale: only directions count.
        names: What business documents have, in English: what a label may name instead of a field.
    """

    rows: NDArray[np.int8]
    names: tuple[str, ...] = ()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the direction of a text, of unit length; zeros without any letter."""
        summed: NDArray[np.float32] = self.rows[subword_rows(text, len(self.rows))].sum(
            axis=0, dtype=np.float32
        )
        return summed / np.float32(max(1e-9, float(np.linalg.norm(summed))))


@functools.cache
def name_directions(vectors: SubwordVectors) -> NDArray[np.float32]:
    """Return the directions of the names that some vectors come with, (names, dimensions)."""
    found = [vectors.vector(name) for name in vectors.names]
    return np.array(found, np.float32).reshape(-1, vectors.rows.shape[1])


def subword_rows(text: str, count: int) -> list[int]:
    """Return the rows of a text's words and of their groups of letters, each once.

    Case and accents do not count, and neither do digits and signs.
    """
    folded = unicodedata.normalize("NFKD", text[:MAX_TEXT]).casefold()
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    rows: set[int] = set()
    for word in _LETTERS.findall(plain):
        marked = f"<{word}>"
        groups = [
            marked[at : at + size]
            for size in GRAMS
            if size < len(marked)
            for at in range(len(marked) - size + 1)
        ]
        rows.update(zlib.crc32(group.encode()) % count for group in (marked, *groups))
    return sorted(rows)[:MAX_GRAMS]


def subwords_document(vectors: SubwordVectors) -> dict[str, object]:
    """Return vectors in the form that `parse_subword_vectors` reads."""
    packed = base64.b64encode(vectors.rows.tobytes()).decode()
    return {"names": vectors.names, "shape": list(vectors.rows.shape), "base64": packed}


def parse_subword_vectors(written: str) -> SubwordVectors:
    """Return vectors from their JSON."""
    document = json.loads(written)
    rows = np.frombuffer(base64.b64decode(document["base64"]), np.int8)
    return SubwordVectors(rows.reshape(document["shape"]), tuple(document["names"]))


@functools.cache
def label_subwords() -> SubwordVectors:
    """Return the vectors that are shipped, read once per process."""
    return parse_subword_vectors(SUBWORDS.read_text("utf-8"))
