"""Vectors of a PutVectors request: validation, and the form that is stored and text_search.

Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from localcloud.s3vectors.bucket_store import StoredIndex
from localcloud.s3vectors.full_text import ANALYZERS
from localcloud.s3vectors.requests import record_error, validation_error

MAX_METADATA_BYTES = 40 * 1024
MAX_FILTERABLE_BYTES = 2 * 1024
MAX_METADATA_KEYS = 50
MAX_KEY_LENGTH = 63

Vector = NDArray[np.float32]

TermCounts = Mapping[str, Mapping[str, int]]
"""For each searchable metadata key, the count of each of its terms."""


@dataclass(frozen=True, slots=True)
class VectorRecord:
    """A vector with its metadata and the terms of its searchable keys."""

    key: str
    vector: Vector
    metadata: Mapping[str, object]
    terms: TermCounts


def parse_records(index: StoredIndex, vectors: Sequence[Mapping[str, Any]]) -> list[VectorRecord]:
    """Parse the vectors of a request. Raises ValidationException for the first invalid one."""
    records = [_parse_record(index, vector) for vector in vectors]
    if len({record.key for record in records}) < len(records):
        raise validation_error("vectors", "Vector keys in a request must be distinct")
    return records


def _parse_record(index: StoredIndex, given: Mapping[str, Any]) -> VectorRecord:
    key = given["key"]
    try:
        vector = parse_vector(index, given["data"])
    except ValueError as error:
        raise record_error(key, str(error)) from error
    metadata = given.get("metadata", {})
    problem = _metadata_problem(metadata, index)
    if problem:
        raise record_error(key, problem)
    return VectorRecord(key, vector, metadata, count_terms(metadata, index.text_search))


def parse_vector(index: StoredIndex, data: Mapping[str, Any]) -> Vector:
    """Return vector data as an array. Raises ValueError if it does not suit `index`."""
    numbers = data.get("float32")
    if numbers is None:
        raise ValueError("vector data must be float32")
    if len(numbers) != index.dimension:
        raise ValueError(
            f"vector must have length {index.dimension}, but has length {len(numbers)}"
        )
    with np.errstate(over="ignore"):
        vector = np.asarray(numbers, np.float32)
    if not np.isfinite(vector).all():
        raise ValueError("vector must contain only valid floating-point values")
    if index.metric == "cosine" and not vector.any():
        raise ValueError("vector must not be a zero vector when the distance metric is cosine")
    return vector


def _metadata_problem(metadata: object, index: StoredIndex) -> str | None:
    if not isinstance(metadata, dict):
        return "Metadata must be an object"
    if len(metadata) > MAX_METADATA_KEYS:
        return f"Metadata object must have at most {MAX_METADATA_KEYS} keys"
    for name, value in metadata.items():
        problem = _value_problem(name, value, index)
        if problem:
            return problem
    filterable = {
        name: value for name, value in metadata.items() if name not in index.non_filterable
    }
    if _size(filterable) > MAX_FILTERABLE_BYTES:
        return f"Filterable metadata must have at most {MAX_FILTERABLE_BYTES} bytes"
    if _size(metadata) > MAX_METADATA_BYTES:
        return f"Metadata must have at most {MAX_METADATA_BYTES} bytes"
    return None


def _value_problem(name: str, value: object, index: StoredIndex) -> str | None:
    if not 1 <= len(name) <= MAX_KEY_LENGTH:
        return f"Metadata keys must have between 1 and {MAX_KEY_LENGTH} characters"
    if name.startswith("$"):
        return f"Metadata key '{name}' must not start with '$'"
    items = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int | float | bool) for item in items):
        return f"Metadata value of '{name}' must be a string, number, boolean or a list of them"
    if any(isinstance(item, float) and not np.isfinite(item) for item in items):
        return f"Metadata value of '{name}' must be a finite number"
    if name in index.text_search and not all(isinstance(item, str) for item in items):
        return f"Metadata value of the searchable key '{name}' must be text"
    return None


def _size(metadata: Mapping[str, object]) -> int:
    return len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())


def count_terms(
    metadata: Mapping[str, object], text_search: Mapping[str, str | None]
) -> TermCounts:
    """Return the term counts of each key of `metadata` that is in `text_search`."""
    return {
        key: Counter(ANALYZERS[language](_text(metadata[key])))
        for key, language in text_search.items()
        if key in metadata
    }


def _text(value: object) -> str:
    return " \n ".join(map(str, value)) if isinstance(value, list) else str(value)
