"""Vectors as PutVectors takes them: checked, and made ready to store and to search.

Limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from localcloud.s3vectors.analysis import ANALYZERS
from localcloud.s3vectors.errors import invalid, invalid_record
from localcloud.s3vectors.matrix import Vector
from localcloud.s3vectors.store import Index

MAX_METADATA_BYTES = 40 * 1024
MAX_FILTERABLE_BYTES = 2 * 1024
MAX_METADATA_KEYS = 50
MAX_KEY_LENGTH = 63

Terms = Mapping[str, Mapping[str, int]]
"""For each searchable key, how often each term is in it."""


@dataclass(frozen=True, slots=True)
class Record:
    """One vector with its metadata and the terms of its searchable keys."""

    key: str
    vector: Vector
    metadata: Mapping[str, object]
    terms: Terms


def records_of(index: Index, vectors: Sequence[Mapping[str, Any]]) -> list[Record]:
    """Return the vectors of a request. Raises ValidationException for the first bad one."""
    records = [_record(index, vector) for vector in vectors]
    if len({record.key for record in records}) < len(records):
        raise invalid("vectors", "Vector keys in a request must be distinct")
    return records


def _record(index: Index, given: Mapping[str, Any]) -> Record:
    key = given["key"]
    try:
        vector = vector_of(index, given["data"])
    except ValueError as error:
        raise invalid_record(key, str(error)) from error
    metadata = given.get("metadata", {})
    problem = _metadata_problem(metadata, index)
    if problem:
        raise invalid_record(key, problem)
    return Record(key, vector, metadata, terms_of(metadata, index.text_search))


def vector_of(index: Index, data: Mapping[str, Any]) -> Vector:
    """Return vector data as an array. Raises ValueError if it does not fit `index`."""
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


def _metadata_problem(metadata: object, index: Index) -> str | None:
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


def _value_problem(name: str, value: object, index: Index) -> str | None:
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


def terms_of(metadata: Mapping[str, object], searched: Mapping[str, str | None]) -> Terms:
    """Return the terms of each key in `searched` that `metadata` has."""
    return {
        key: Counter(ANALYZERS[language](_text(metadata[key])))
        for key, language in searched.items()
        if key in metadata
    }


def _text(value: object) -> str:
    return " \n ".join(map(str, value)) if isinstance(value, list) else str(value)
