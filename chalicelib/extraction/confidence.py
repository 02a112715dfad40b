"""How likely a value is right, that a field is absent, or that a cell of a list is right.

Three logistic regressions over what the choice was made from. Their weights were fitted on
documents of templates that the ranker never saw (`models/field_ranker`).
"""

from __future__ import annotations

import functools
import json
import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chalicelib.extraction.feature_names import (
    AGREEMENT_FIELD_FEATURES,
    CANDIDATE_FEATURES,
    FIELD_FEATURES,
    GROUPS,
    group_flags,
)

if TYPE_CHECKING:
    from chalicelib.extraction.choice import ChosenValue
    from chalicelib.extraction.feature_names import Features
    from chalicelib.extraction.leaves import Leaf

CONFIDENCE = Path(__file__).with_name("field_confidence.json")

LABEL_FACTS = (
    *("likeness", "lead", "vocabulary", "equal", "meaning", "contrary", "of one concept"),
    *("of another concept", "nearer label", "names a concept", "invalid"),
)
"""Features of the chosen candidate that tell how well its label is known to be the field's, and
whether its text is a value at all."""
VALUE_FEATURES = (
    "log odds",
    "log odds of place",
    "log none",
    "log runner up",
    "agreeing",
    "rules held",
    "rules broken",
    *(f"label's {each}" for each in LABEL_FACTS),
    *(f"of {group}" for group in GROUPS),
)
"""Of a value: the logarithm of its odds, of those of its place, of the probability of none and of
the best other value; whether other places say the same; rules over it that hold and do not."""
ABSENT_FEATURES = (
    "log none",
    "log runner up",
    *FIELD_FEATURES,
    *(f"{each}, second look" for each in AGREEMENT_FIELD_FEATURES),
)
"""Of a null: the logarithms of its probability and of the best value's; what the choice of none was
scored by."""
CELL_FEATURES = (
    "has text",
    "is read",
    "quality",
    "valid",
    "ambiguous",
    "recognised",
    "title likeness",
    "column",
    "filled",
    "read",
    "complete",
    "agreed",
    "summed",
    "score",
    "rows",
    "rules held",
    "rules broken",
    *(f"of {group}" for group in GROUPS),
)
"""Of a cell: whether it has text, and a value of the type; of its column how alike the title is to
the field's names, the logarithm of the odds that it is the field's, the share of its cells that
have text and of these the share that are values; and of its list whether it is complete, two ways
to read it agree, it adds up, how well its columns match, and the logarithm of its rows."""
MAX_ROWS = 20
"""Rows that count: nothing was learned of how sure the cells of much longer lists are."""

_OF_LABEL = tuple(map(CANDIDATE_FEATURES.index, LABEL_FACTS))
_TINY = 1e-6
_LEAST = 0.01
"""Probability that counts as none, of a column."""


class ReadKind(StrEnum):
    """Kinds of read fields: each has a regression of its own for its confidence."""

    VALUE = "value"
    ABSENT = "absent"
    CELL = "cell"


@dataclass(frozen=True, slots=True)
class RuleVotes:
    """How many rules over a value hold, and how many do not."""

    held: int = 0
    broken: int = 0


NO_VOTES = RuleVotes()


def value_features(chosen: ChosenValue, votes: RuleVotes) -> Features:
    """Return the `VALUE_FEATURES` of a chosen value."""
    value = min(1 - _TINY, chosen.share + chosen.agreeing)
    place = min(1 - _TINY, chosen.together)
    own = chosen.field.features[chosen.at]
    return (
        math.log((value + _TINY) / (1 - value)),
        math.log((place + _TINY) / (1 - place)),
        math.log(chosen.field.ranked.none + _TINY),
        math.log(chosen.runner_up + _TINY),
        float(chosen.agreeing > _TINY),
        *_votes(votes),
        *(float(own[at]) for at in _OF_LABEL),
        *group_flags(chosen.field.leaf),
    )


def absent_features(chosen: ChosenValue) -> Features:
    """Return the `ABSENT_FEATURES` of a field for which nothing was chosen."""
    return (
        math.log(chosen.share + _TINY),
        math.log(chosen.runner_up + _TINY),
        *chosen.field.field_features,
    )


def _votes(votes: RuleVotes) -> tuple[float, float]:
    return float(votes.held > 0), float(votes.broken > 0)


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """How sure a column is: how alike its title is to the field's names, how likely it is the
    field's, the share of its cells that have text, and of these the share that are values.
    """

    title_likeness: float
    likely: float
    filled: float
    read: float


@dataclass(frozen=True, slots=True)
class ListFacts:
    """How sure a list is: whether it is complete, two ways to read it agree, and it adds up to a
    total; how well its columns match, 0 to 1, and how many rows it has.
    """

    complete: bool
    agreed: bool
    summed: bool
    score: float
    rows: int


@dataclass(frozen=True, slots=True)
class CellFacts:
    """Facts that the confidence of a cell depends on; `recognised` is 1 less OCR's score."""

    has_text: bool
    is_read: bool
    quality: float
    valid: bool | None
    ambiguous: bool
    recognised: float
    column: ColumnFacts
    of_list: ListFacts


def cell_features(leaf: Leaf, facts: CellFacts, votes: RuleVotes) -> Features:
    """Return the `CELL_FEATURES` of a cell of a list."""
    column, of_list = facts.column, facts.of_list
    return (
        float(facts.has_text),
        float(facts.is_read),
        facts.quality,
        float(facts.valid is True),
        float(facts.ambiguous),
        facts.recognised,
        column.title_likeness,
        _log_odds(column.likely),
        column.filled,
        column.read,
        float(of_list.complete),
        float(of_list.agreed),
        float(of_list.summed),
        of_list.score,
        math.log1p(min(MAX_ROWS, of_list.rows)),
        *_votes(votes),
        *group_flags(leaf),
    )


def _log_odds(share: float) -> float:
    kept = min(1 - _LEAST, max(_LEAST, share))
    return math.log(kept / (1 - kept))


@dataclass(frozen=True, slots=True)
class Odds:
    """A logistic regression: weights and bias of the logarithm of the odds."""

    weights: Features
    bias: float

    def probability(self, features: Features) -> float:
        """Return the probability, 0 to 1."""
        odds = self.bias + math.fsum(map(operator.mul, self.weights, features))
        return 1 / (1 + math.exp(-max(-40.0, min(40.0, odds))))


@dataclass(frozen=True, slots=True)
class FieldConfidence:
    """The three regressions, and from when on a value is taken.

    Attributes:
        floor: The least probability by the ranker.
        keep: The least confidence.
    """

    value: Odds
    absent: Odds
    cell: Odds
    floor: float
    keep: float

    def of(self, kind: ReadKind) -> Odds:
        """Return the regression for a kind of read field."""
        return {ReadKind.VALUE: self.value, ReadKind.ABSENT: self.absent, ReadKind.CELL: self.cell}[
            kind
        ]


def parse_field_confidence(written: str) -> FieldConfidence:
    """Return the regressions from their JSON; raise ValueError if they are of other features."""
    document: Mapping[str, Any] = json.loads(written)
    odds = {}
    for name, known in _KNOWN.items():
        weights = document[name]["weights"]
        if tuple(weights) != known:
            raise ValueError(f"The {name}'s confidence is of other features than {list(known)}.")
        odds[name] = Odds(tuple(weights.values()), float(document[name]["bias"]))
    return FieldConfidence(**odds, floor=float(document["floor"]), keep=float(document["keep"]))


_KNOWN = {"value": VALUE_FEATURES, "absent": ABSENT_FEATURES, "cell": CELL_FEATURES}


@functools.cache
def field_confidence() -> FieldConfidence:
    """Return the regressions that are shipped, read once per process."""
    return parse_field_confidence(CONFIDENCE.read_text("utf-8"))
