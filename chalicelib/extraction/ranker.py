"""The learned score of candidates: which span of a document is a field's value, or that none is.

One hidden layer over general features of labels, places and types; no word of any language is
among them. A second network sees what the first has found for all fields, too. The weights were
learned on generated documents (`models/field_ranker`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.feature_names import (
    AGREEMENT_FEATURES,
    AGREEMENT_FIELD_FEATURES,
    CANDIDATE_FEATURES,
    FIELD_FEATURES,
    FeatureRows,
    Features,
)

RANKER = Path(__file__).with_name("field_ranker.json")

Array = NDArray[np.floating[Any]]

MAX_SCALED = 6.0
"""Spreads from its mean that a feature counts for at most, such as the height of a headline."""


@dataclass(frozen=True, slots=True)
class RankedCandidates:
    """Probabilities of a field's candidates, in their order, and that none is its value."""

    shares: tuple[float, ...]
    none: float


@dataclass(frozen=True, slots=True)
class RankingNetwork:
    """One network's weights; features count on the scale that they had in its training."""

    mean: Array
    spread: Array
    hidden: Array
    hidden_bias: Array
    out: Array
    none_mean: Array
    none_spread: Array
    none_hidden: Array
    none_hidden_bias: Array
    none_out: Array
    none_bias: float

    def rank(self, candidates: FeatureRows, field: Features) -> RankedCandidates:
        """Return the probabilities, from the features of the candidates and of the field."""
        active = np.tanh(
            _scaled(field, self.none_mean, self.none_spread) @ self.none_hidden
            + self.none_hidden_bias
        )
        nothing = float(active @ self.none_out) + self.none_bias
        if not len(candidates):
            return RankedCandidates((), 1.0)
        scaled = _scaled(candidates, self.mean, self.spread)
        scores = np.tanh(scaled @ self.hidden + self.hidden_bias) @ self.out
        best = max(float(scores.max()), nothing)
        raised, none = np.exp(scores - best), float(np.exp(nothing - best))
        total = none + float(raised.sum())
        return RankedCandidates(tuple((raised / total).tolist()), none / total)


@dataclass(frozen=True, slots=True)
class FieldRanker:
    """The networks of the first look, at each field alone, and of the second, at all together."""

    first: RankingNetwork
    second: RankingNetwork


def parse_field_ranker(written: str) -> FieldRanker:
    """Return the ranker from its JSON; raise ValueError if it is of other features."""
    document: Mapping[str, Any] = json.loads(written)
    return FieldRanker(
        _network(document["first"], CANDIDATE_FEATURES, FIELD_FEATURES),
        _network(document["second"], SECOND_FEATURES, SECOND_FIELD_FEATURES),
    )


def _network(
    document: Mapping[str, Any], candidate: Sequence[str], field: Sequence[str]
) -> RankingNetwork:
    for key, known in (("features", candidate), ("field_features", field)):
        if tuple(document[key]) != tuple(known):
            raise ValueError(f"The ranker is of {list(document[key])}, not of {list(known)}.")
    arrays = {name: np.array(document[name]) for name in ARRAYS}
    return RankingNetwork(**arrays, none_bias=float(document["none_bias"]))


SECOND_FEATURES = (*CANDIDATE_FEATURES, *(f"{each}, second look" for each in AGREEMENT_FEATURES))
SECOND_FIELD_FEATURES = (
    *FIELD_FEATURES,
    *(f"{each}, second look" for each in AGREEMENT_FIELD_FEATURES),
)
ARRAYS = (
    "mean",
    "spread",
    "hidden",
    "hidden_bias",
    "out",
    "none_mean",
    "none_spread",
    "none_hidden",
    "none_hidden_bias",
    "none_out",
)


def _scaled(features: object, mean: Array, spread: Array) -> Array:
    """Return features on the scale of the training; none counts for more than `MAX_SCALED`."""
    scaled: Array = np.clip((np.array(features) - mean) / spread, -MAX_SCALED, MAX_SCALED)
    return scaled


@functools.cache
def field_ranker() -> FieldRanker:
    """Return the ranker that is shipped, read once per process."""
    return parse_field_ranker(RANKER.read_text("utf-8"))
