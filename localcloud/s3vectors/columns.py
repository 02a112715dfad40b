"""Filterable metadata by column, so that a filter costs one look-up a row and not one call.

A column holds a code for each row and the value behind each code. A condition is asked once of
each distinct value, and the answers are gathered by code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from localcloud.s3vectors.filters import MISSING, Both, Compare, Filter

Mask = NDArray[np.bool_]


class Column:
    """The values of one metadata key; code 0 is a row that does not have the key."""

    def __init__(self) -> None:
        """Start with no rows."""
        self._codes = np.zeros(64, np.int32)
        self._values: list[object] = [MISSING]
        self._code_of: dict[str, int] = {}

    def set(self, row: int, value: object) -> None:
        """Give `row` a value."""
        if row >= len(self._codes):
            grown = np.zeros(max(row + 1, 2 * len(self._codes)), np.int32)
            grown[: len(self._codes)] = self._codes
            self._codes = grown
        written = json.dumps(value)
        code = self._code_of.get(written)
        if code is None:
            code = self._code_of[written] = len(self._values)
            self._values.append(value)
        self._codes[row] = code

    def mask(self, condition: Compare, rows: int) -> Mask:
        """Return which of the first `rows` rows satisfy `condition`."""
        accepted = np.fromiter(
            (condition.accepts(value) for value in self._values), np.bool_, len(self._values)
        )
        codes = self._codes[:rows]
        mask: Mask = np.full(rows, accepted[0])
        mask[: len(codes)] = accepted[codes]
        return mask


class Columns:
    """The filterable metadata of every row."""

    def __init__(self) -> None:
        """Start with no rows."""
        self._columns: dict[str, Column] = {}

    def set(self, row: int, metadata: Mapping[str, object]) -> None:
        """Give `row`, which had none, its metadata."""
        for key, value in metadata.items():
            self._columns.setdefault(key, Column()).set(row, value)

    def mask(self, condition: Filter, rows: int) -> Mask:
        """Return which of the first `rows` rows match `condition`."""
        if isinstance(condition, Compare):
            return self._columns.get(condition.key, _EMPTY).mask(condition, rows)
        masks = [self.mask(part, rows) for part in condition.parts]
        combine = np.logical_and if isinstance(condition, Both) else np.logical_or
        combined: Mask = combine.reduce(masks)
        return combined


_EMPTY = Column()
