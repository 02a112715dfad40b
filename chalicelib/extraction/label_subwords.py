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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SUBWORDS = Path(__file__).with_name("label_subwords.json")

GRAMS = (3, 4, 5)
"""Lengths of the groups of letters; a whole word is one, too."""
MAX_TEXT = 120
MAX_GRAMS = 200
_LETTERS = re.compile(r"[^\W\d_]+")


class ConceptNames(NamedTuple):
    """Names of one concept in several languages, and the kind of its values.

    Attributes:
        kind: `text`, `code`, `date`, `money`, `percent` and others of the training's concepts.
        names: At least one, as documents and keys of schemas have them.
    """

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class SubwordVectors:
    """Vectors of groups of letters, which share a row where their hashes are equal.

    Attributes:
        rows: (hashes, dimensions), in whole numbers of one scale: only directions count.
        concepts: Things that business documents have; a label may name one of them, not a field.
    """

    rows: NDArray[np.int8]
    concepts: tuple[ConceptNames, ...] = ()

    def vector(self, text: str) -> NDArray[np.float32]:
        """Return the direction of a text, of unit length; zeros without any letter."""
        summed: NDArray[np.float32] = self.rows[subword_rows(text, len(self.rows))].sum(
            axis=0, dtype=np.float32
        )
        return summed / np.float32(max(1e-9, float(np.linalg.norm(summed))))

    def concept_likeness(self, direction: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cosine of a text's direction and the nearest name of each concept.

        (concepts,), from 0 to 1: what is below 0 is 0.
        """
        directions, begins = _concept_directions(self)
        if not len(begins):
            return np.zeros(0, np.float32)
        alike: NDArray[np.float32] = np.maximum.reduceat(directions @ direction, begins)
        return np.maximum(alike, np.float32(0.0))


@functools.cache
def _concept_directions(
    vectors: SubwordVectors,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the directions of all names, (names, dimensions), and where each concept begins."""
    found = [vectors.vector(name) for each in vectors.concepts for name in each.names]
    counts = [len(each.names) for each in vectors.concepts]
    begins = np.cumsum([0, *counts[:-1]]) if counts else np.zeros(0, np.int64)
    return np.array(found, np.float32).reshape(-1, vectors.rows.shape[1]), begins


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
    return {"concepts": vectors.concepts, "shape": list(vectors.rows.shape), "base64": packed}


def parse_subword_vectors(written: str) -> SubwordVectors:
    """Return vectors from their JSON."""
    document = json.loads(written)
    rows = np.frombuffer(base64.b64decode(document["base64"]), np.int8)
    concepts = tuple(ConceptNames(kind, tuple(names)) for kind, names in document["concepts"])
    return SubwordVectors(rows.reshape(document["shape"]), concepts)


@functools.cache
def label_subwords() -> SubwordVectors:
    """Return the vectors that are shipped, read once per process."""
    return parse_subword_vectors(SUBWORDS.read_text("utf-8"))
