"""Evidence that a column of a table is a column of a list: its title, its cells, and its role.

How much each is worth is learned (`python -m models.list_columns`) and lies beside this module.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from chalicelib.extraction.label_similarity import NO_LIKENESS, LabelLikeness
from chalicelib.extraction.leaves import NUMERIC_KINDS, Leaf, LeafKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from chalicelib.extraction.list_roles import ColumnRole, Roles

WEIGHTS = Path(__file__).with_name("list_columns.json")
COLUMN_FEATURES = (
    "title",
    "title_clear",
    "title_equal",
    "title_vocabulary",
    "title_contrary",
    "title_rival",
    "no_title",
    "fit",
    "is_number",
    "is_day",
    "is_text",
    "fields_that_fit",
    "columns_that_fit",
    "role",
    "role_clear",
    "has_role",
    "role_elsewhere",
    "trait",
    "trait_clear",
    "has_trait",
    "trait_elsewhere",
    "order",
)
_CLEAR, _KNOWN = 0.6, 0.8
"""Likeness of a title above which it counts twice, and from which on it leaves nothing to tell by
what the column looks like."""
_NAMED = 0.85
"""Likeness from which on a title is a name of a field."""
_LIKELY, _FITS = 0.5, 0.8
"""Shares of the cells that can be values of a field whose title it has, and of any other."""
_DAYS = frozenset((LeafKind.DATE, LeafKind.DATE_TIME, LeafKind.TIME))


class ColumnSimilarity(Protocol):
    """How alike the names of a column and a title in a document are."""

    def likeness(self, names: tuple[str, ...], label: str) -> LabelLikeness:
        """Return how alike they are by their words, letters and meaning."""


@dataclass(frozen=True, slots=True)
class TableEvidence:
    """Titles, values and roles of a table's columns, by which fields are assigned to them.

    Attributes:
        titles: The title of each, "" where there is none.
        fits: How well the cells of each can be values of each field, (fields, columns).
        roles: Their roles by arithmetic.
        traits: Their likeliest roles by what their cells look like.
    """

    titles: Sequence[str]
    fits: NDArray[np.float64]
    roles: Roles
    traits: Roles


@dataclass(frozen=True, slots=True)
class ColumnOdds:
    """A logistic regression: the odds that a column is that of a field."""

    weights: NDArray[np.float64]
    bias: float

    def of(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logarithm of the odds, of features in the last dimension."""
        found: NDArray[np.float64] = features @ self.weights + self.bias
        return found


@functools.cache
def column_odds() -> ColumnOdds:
    """Return the odds that are shipped, read once per process."""
    return parse_column_odds(WEIGHTS.read_text("utf-8"))


def parse_column_odds(written: str) -> ColumnOdds:
    """Return the odds of their JSON."""
    document = json.loads(written)
    weights: Mapping[str, float] = document["weights"]
    return ColumnOdds(
        np.array([weights[name] for name in COLUMN_FEATURES]), float(document["bias"])
    )


def column_features(
    leaves: Sequence[Leaf], table: TableEvidence, similarity: ColumnSimilarity
) -> NDArray[np.float64]:
    """Return the features of each field with each column, (fields, columns, features)."""
    width = len(table.titles)
    likeness = [
        [similarity.likeness(leaf.names, title) if title else NO_LIKENESS for title in table.titles]
        for leaf in leaves
    ]
    titled = np.array([[each.overall for each in row] for row in likeness]).reshape(-1, width)
    kinds = _role_likeness(leaves, (table.roles, table.traits), similarity)
    known = np.clip((titled - _CLEAR) / (_KNOWN - _CLEAR), 0.0, 1.0)
    untitled = 1.0 - np.maximum(
        known.max(axis=0, keepdims=True, initial=0.0), known.max(axis=1, keepdims=True, initial=0.0)
    )
    found = np.zeros((len(leaves), width, len(COLUMN_FEATURES)))
    for n, leaf in enumerate(leaves):
        for at, title in enumerate(table.titles):
            alike = likeness[n][at]
            others = np.delete(titled[:, at], n)
            order = abs((n + 0.5) / len(leaves) - (at + 0.5) / width)
            found[n, at] = [
                alike.overall,
                max(0.0, alike.overall - _CLEAR),
                alike.equal,
                alike.vocabulary,
                alike.contrary,
                max(0.0, float(others.max(initial=0.0)) - alike.overall),
                not title,
                table.fits[n, at],
                leaf.kind in NUMERIC_KINDS,
                leaf.kind in _DAYS,
                leaf.kind is LeafKind.TEXT,
                1 / max(1, int((table.fits[:, at] >= _FITS).sum())),
                1 / max(1, int((table.fits[n] >= _FITS).sum())),
                *_of_role(kinds[n], table.roles, at),
                *(untitled[n, at] * each for each in _of_role(kinds[n], table.traits, at)),
                order * untitled[n, at],
            ]
    return found


def named_pairs(features: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pairs have a title that is a name of the field, and of no other as much."""
    of = {name: features[..., at] for at, name in enumerate(COLUMN_FEATURES)}
    named: NDArray[np.bool_] = (of["title"] >= _NAMED) & (of["title_rival"] == 0)
    return named & (of["title_contrary"] < 1 - _NAMED) & (of["fit"] >= _LIKELY)


def proven_pairs(features: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pairs more than the look and the order of columns speaks for.

    It is the title, the role by arithmetic, or that no other column and field have such values.
    """
    of = {name: features[..., at] for at, name in enumerate(COLUMN_FEATURES)}
    titled = (of["title"] >= _CLEAR) & (of["title_rival"] == 0)
    of_words = (of["is_text"] == 0) | (of["trait"] >= _CLEAR)
    only = (of["fields_that_fit"] == 1) & (of["columns_that_fit"] == 1) & of_words
    proven: NDArray[np.bool_] = titled | (of["role"] >= _CLEAR) | (only & (of["fit"] >= _FITS))
    return proven


def _role_likeness(
    leaves: Sequence[Leaf], told: Sequence[Roles], similarity: ColumnSimilarity
) -> list[Mapping[ColumnRole, float]]:
    """Return for each field how alike its names and those of each role in the table are."""
    roles = {role for each in told for role in each.values()}
    return [
        {
            role: max(similarity.likeness(leaf.names, name).overall for name in role.value)
            for role in roles
        }
        for leaf in leaves
    ]


def _of_role(alike: Mapping[ColumnRole, float], roles: Roles, at: int) -> Iterator[float]:
    """Yield how alike a field is to the role of a column, and how much more to another's."""
    own = alike[roles[at]] if at in roles else 0.0
    yield own
    yield max(0.0, own - _CLEAR)
    yield float(at in roles)
    other = max((alike[role] for place, role in roles.items() if place != at), default=0.0)
    yield max(0.0, other - own)


def probability(log_odds: float) -> float:
    """Return the probability of a logarithm of odds."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, log_odds))))
