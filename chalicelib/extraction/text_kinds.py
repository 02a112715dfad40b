"""Classifier of texts by their letters: person, company, address, product, sentence and others.

A softmax over groups of letters and the shapes of words, learned from names and addresses of many
locales (`models/field_ranker/text_kinds.py`). What a field's names ask for is told by the vectors
of the names, learned from what documents call things: `Lieferant` asks for a company.
A. Joulin et al., Bag of tricks for efficient text classification, EACL 2017,
https://arxiv.org/abs/1607.01759
"""

from __future__ import annotations

import base64
import functools
import json
import re
import unicodedata
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TEXT_KINDS = Path(__file__).with_name("text_kinds.json")

KINDS = (
    *("person", "company", "address", "street", "city", "postal city", "country", "occupation"),
    *("product", "sentence", "label", "code", "number", "date", "contact"),
)
MAX_TEXT = 160
MAX_GROUPS = 220
_SIZES = (2, 3, 4)
_WORD = re.compile(r"\w+|[^\w\s]")
_BUCKETS = (1, 2, 3, 4, 6, 9, 14)

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TextKinds:
    """Learned weights of what texts are, and of what names ask for.

    Attributes:
        rows: (hashes, kinds), in whole numbers of one `scale`; groups of letters share rows.
        scale: What a whole number of a row is worth.
        bias: Of each kind.
        wanted: (dimensions of names' vectors, kinds).
        wanted_bias: Of each kind.
    """

    rows: NDArray[np.int8]
    scale: float
    bias: Array
    wanted: Array
    wanted_bias: Array

    def shares(self, text: str) -> Array:
        """Return the probability of each of `KINDS` that a text is of it."""
        groups = text_groups(text, len(self.rows))
        if not groups:
            return np.zeros(len(KINDS), np.float32)
        summed = self.rows[groups].sum(axis=0, dtype=np.float32)
        return _softmax(summed * np.float32(self.scale / len(groups) ** 0.5) + self.bias)

    def asked(self, vectors: Array) -> Array:
        """Return the probability of each kind that names ask for it, from their vectors.

        Args:
            vectors: (names, dimensions), of cross-lingual vectors.
        """
        if not len(vectors):
            return np.zeros(len(KINDS), np.float32)
        shares: Array = np.array(
            [_softmax(each @ self.wanted + self.wanted_bias) for each in vectors]
        )
        return np.asarray(shares.mean(axis=0), np.float32)


def text_groups(text: str, count: int) -> list[int]:
    """Return the rows of a text's groups of letters and of the shapes of its words, each once."""
    lines = text[:MAX_TEXT].strip().splitlines()
    words = _WORD.findall(" ".join(lines))
    if not words:
        return []
    marks = [f"lines {min(3, len(lines))}", f"words {_bucket(len(words))}"]
    shapes = [_shape(word) for word in words]
    marks += [f"first {shapes[0]}", f"last {shapes[-1]}"]
    marks += [f"shape {each}" for each in shapes]
    marks += [f"next {one} {other}" for one, other in pairwise(shapes)]
    for word in words:
        if not word[0].isalnum():
            continue
        folded = unicodedata.normalize("NFKD", word).casefold()
        plain = "".join("0" if sign.isdigit() else sign for sign in folded if sign.isalnum())
        marked = f"<{plain}>"
        marks.append(marked)
        marks += [marked[at : at + size] for size in _SIZES for at in range(len(marked) - size + 1)]
    rows = dict.fromkeys(zlib.crc32(each.encode()) % count for each in marks)
    return list(rows)[:MAX_GROUPS]


def _bucket(count: int) -> int:
    return sum(count > each for each in _BUCKETS)


def _shape(word: str) -> str:
    """Return a word's form: `X` and `x` for capitals and small letters, `0` for digits."""
    if word.isdigit():
        return "0" * min(6, len(word))
    if word.isalpha():
        form = "X" if word.isupper() else "Xx" if word[0].isupper() else "x"
        return form + ("." if len(word) == 1 else "")
    return word if len(word) == 1 else "X0"


def _softmax(scores: Array) -> Array:
    raised = np.exp(scores - scores.max())
    shares: Array = raised / raised.sum()
    return shares


def text_kinds_document(kinds: TextKinds) -> dict[str, object]:
    """Return weights in the form that `parse_text_kinds` reads."""
    return {
        "kinds": KINDS,
        "hashes": len(kinds.rows),
        "scale": kinds.scale,
        "bias": _rounded(kinds.bias),
        "wanted": _rounded(kinds.wanted),
        "wanted_bias": _rounded(kinds.wanted_bias),
        "base64": base64.b64encode(kinds.rows.tobytes()).decode(),
    }


def _rounded(values: Array) -> Any:
    return np.round(values.astype(float), 4).tolist()


def parse_text_kinds(written: str) -> TextKinds:
    """Return weights from their JSON; raise ValueError if they are of other kinds."""
    document = json.loads(written)
    if tuple(document["kinds"]) != KINDS:
        raise ValueError(f"The weights are of {document['kinds']}, not of {list(KINDS)}.")
    rows = np.frombuffer(base64.b64decode(document["base64"]), np.int8)
    return TextKinds(
        rows.reshape(document["hashes"], len(KINDS)),
        float(document["scale"]),
        *(np.array(document[name], np.float32) for name in ("bias", "wanted", "wanted_bias")),
    )


@functools.cache
def text_kinds() -> TextKinds:
    """Return the weights that are shipped, read once per process."""
    return parse_text_kinds(TEXT_KINDS.read_text("utf-8"))
