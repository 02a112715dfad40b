"""Features of captured calls: numbers and categories, and projections of their embeddings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.captures import CapturedCall
from chalicelib.monitoring.two_samples import Sample

Vectors = NDArray[np.float32]

COMPONENTS = 3
"""Principal components of a baseline's vectors that are looked at, beside the distance."""
MIN_VECTORS = 50
"""The fewest vectors that a projection is made of, and that are compared by one."""

_NUMBERS: Mapping[str, Callable[[CapturedCall], float | None]] = {
    "input length": lambda call: float(call.input_characters),
    "output length": lambda call: (
        float(call.output_characters) if call.outcome != "error" else None
    ),
    "latency": lambda call: float(call.latency_ms),
    "cost": lambda call: float(call.nanodollars) if call.outcome != "error" else None,
}
_CATEGORIES: Mapping[str, Callable[[CapturedCall], str | None]] = {
    "language": lambda call: call.language or "unknown",
    "refused": lambda call: None if call.outcome == "error" else _yes(call.outcome == "refused"),
    "failed": lambda call: _yes(call.outcome == "error"),
    "citations": lambda call: None if call.cited is None else _yes(call.cited),
    "unsupported": lambda call: None if call.unsupported is None else _yes(call.unsupported),
    "unsafe": lambda call: None if call.output is None else _yes(call.unsafe),
    "class": lambda call: call.label or None,
}
"""Both tables return None for a call that does not have the feature."""
NUMBER_FEATURES, CATEGORY_FEATURES = tuple(_NUMBERS), tuple(_CATEGORIES)
"""The features of calls that no embedding is needed for."""


@dataclass(frozen=True, slots=True)
class FeatureValues:
    """Values of some calls by feature; calls that do not have a feature have no value there."""

    calls: int
    numbers: Mapping[str, Sample] = field(default_factory=dict)
    categories: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def call_features(calls: Sequence[CapturedCall]) -> FeatureValues:
    """Return the numbers and categories of calls."""
    numbers = {
        name: np.array([value for value in map(read, calls) if value is not None], np.float64)
        for name, read in _NUMBERS.items()
    }
    categories = {
        name: dict(Counter(value for value in map(read, calls) if value is not None))
        for name, read in _CATEGORIES.items()
    }
    return FeatureValues(
        len(calls),
        {name: values for name, values in numbers.items() if len(values)},
        {name: counts for name, counts in categories.items() if counts},
    )


@dataclass(frozen=True, slots=True)
class EmbeddingProjection:
    """The plane of a baseline's embeddings: their mean, and their principal components.

    Attributes:
        model: The model that embedded them; vectors of another cannot be compared.
        mean: The mean vector.
        components: The directions in which they vary most, one a row.
    """

    model: str
    mean: Vectors
    components: Vectors

    @classmethod
    def fit(cls, model: str, vectors: Vectors) -> EmbeddingProjection:
        """Return the projection of the vectors of a baseline, one a row."""
        mean = vectors.mean(axis=0)
        _, _, directions = np.linalg.svd(vectors - mean, full_matrices=False)
        return cls(model, mean, directions[:COMPONENTS].astype(np.float32))

    def numbers(self, name: str, vectors: Vectors) -> dict[str, Sample]:
        """Return the coordinates of vectors, and their distance from the mean, by feature."""
        away = vectors - self.mean
        along = (away @ self.components.T).astype(np.float64)
        named = {f"{name} PC{n + 1}": along[:, n] for n in range(along.shape[1])}
        return named | {f"{name} distance": np.linalg.norm(away, axis=1).astype(np.float64)}


def fit_and_project(
    model: str, name: str, vectors: Vectors
) -> tuple[EmbeddingProjection, dict[str, Sample]]:
    """Return the projection of a baseline's vectors, and its values by feature.

    One half fits the projection, the other gives the values: in its own projection a sample lies
    nearer to the mean, and farther along the components, than any new one would.
    """
    projection = EmbeddingProjection.fit(model, vectors[::2])
    return projection, projection.numbers(name, vectors[1::2])


def spread_evenly(available: int, wanted: int) -> NDArray[np.int64]:
    """Return `wanted` places of `available` ones, evenly apart; all if there are no more."""
    if available <= wanted:
        return np.arange(available)
    return np.linspace(0, available - 1, wanted).round().astype(np.int64)


def asked_text(call: CapturedCall) -> str:
    """Return the text of a captured request that a person wrote, "" if it is left out."""
    if call.input is None:
        return ""
    request = json.loads(call.input)
    if call.subject.kind == "retrieval":
        return str(request.get("question", ""))
    if call.subject.kind == "prompt":
        return "\n".join(_texts(request.get("variables", {}).values()))
    return _of_model_call(request.get("call", {}))


def _of_model_call(call: Mapping[str, object]) -> str:
    messages = call.get("messages")
    if isinstance(messages, list):
        users = [each for each in messages if each.get("role") == "user"]
        parts = users[-1]["content"] if users else []
        return "\n".join(_texts(part.get("text") for part in parts))
    texts = call.get("texts")
    if isinstance(texts, list):
        return "\n".join(_texts(texts))
    return str(call.get("prompt", ""))


def _texts(values: Iterable[object]) -> list[str]:
    return [value for value in values if isinstance(value, str) and value]


def _yes(value: bool) -> str:
    return "yes" if value else "no"
