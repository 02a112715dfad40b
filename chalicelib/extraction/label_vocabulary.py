"""Vocabulary of labels in business documents: a learned projection of embeddings.

The embedding model knows everyday language, mostly English. The map brings together what documents
call the same thing in seven languages (`models/field_ranker`); wordings that it did not learn are
only as near as the embedding has them.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VOCABULARY = Path(__file__).with_name("label_vocabulary.json")


@dataclass(frozen=True, slots=True)
class LabelVocabulary:
    """A projection, and the logistic function of the cosine within it.

    Attributes:
        projection: (dimensions of the embedding, dimensions of the map).
        concepts: The middle of the wordings of each thing that it knows, (concepts, dimensions).
        slope: By what the cosine is multiplied, and `bias` is what is added.
    """

    projection: NDArray[np.float32]
    concepts: NDArray[np.float32]
    slope: float
    bias: float

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return vectors of unit length in the map, (texts, dimensions)."""
        projected = vectors @ self.projection
        length = np.linalg.norm(projected, axis=-1, keepdims=True)
        found: NDArray[np.float32] = projected / np.maximum(length, 1e-9)
        return found

    def likeness(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
        """Return how likely two projected texts name the same thing, 0 to 1."""
        return float(self._told(one @ other))

    def named(self, text: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return how likely a projected text names each of the known things, (concepts,)."""
        return self._told(self.concepts @ text)

    def _told(self, cosine: NDArray[np.float32]) -> NDArray[np.float32]:
        told: NDArray[np.float32] = 1 / (1 + np.exp(-(self.slope * cosine + self.bias)))
        return told


def vocabulary_document(vocabulary: LabelVocabulary) -> dict[str, object]:
    """Return a vocabulary in the form that `parse_label_vocabulary` reads, in half precision."""
    return {
        "slope": vocabulary.slope,
        "bias": vocabulary.bias,
        "projection": _packed(vocabulary.projection),
        "concepts": _packed(vocabulary.concepts),
    }


def parse_label_vocabulary(written: str) -> LabelVocabulary:
    """Return a vocabulary from its JSON."""
    document = json.loads(written)
    return LabelVocabulary(
        _unpacked(document["projection"]),
        _unpacked(document["concepts"]),
        float(document["slope"]),
        float(document["bias"]),
    )


def _packed(matrix: NDArray[np.float32]) -> dict[str, object]:
    half = matrix.astype("<f2")
    return {"shape": list(half.shape), "base64": base64.b64encode(half.tobytes()).decode()}


def _unpacked(packed: Mapping[str, Any]) -> NDArray[np.float32]:
    raw = np.frombuffer(base64.b64decode(packed["base64"]), dtype="<f2")
    return raw.reshape(packed["shape"]).astype(np.float32)


@functools.cache
def label_vocabulary() -> LabelVocabulary:
    """Return the vocabulary that is shipped, read once per process."""
    return parse_label_vocabulary(VOCABULARY.read_text("utf-8"))
