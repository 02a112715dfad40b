"""The candidates of one field compared with its names: their labels, and what their texts are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from chalicelib.extraction.feature_names import GROUP_OF, Features, group_flags
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.label_similarity import NO_LIKENESS, LabelComparison, LabelLikeness

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from chalicelib.extraction.layout.labels import LabelContext
    from chalicelib.extraction.leaves import Leaf

_WITHOUT_TYPE = ("text", "address", "identifier")
"""Groups of kinds whose values are told apart by what their texts are."""


@dataclass(frozen=True, slots=True)
class ComparedCandidates:
    """The candidates of a field, with how alike each of their labels is to its names.

    `best` is the likeness of the best label of each candidate, `ranked` these from the best, and
    `known` the largest likelihood of any label by the vocabulary, `translated` by translation;
    `margins` are the `LabelComparison.concept_margins` of the best label of each.
    `kinds` are the probabilities of what each text is, and `asked` those that it is what the names
    ask for.
    """

    leaf: Leaf
    names: tuple[str, ...]
    found: Sequence[FieldCandidate]
    likenesses: Sequence[Sequence[LabelLikeness]]
    best: Sequence[LabelLikeness]
    ranked: Sequence[float]
    known: float
    translated: float
    margins: Sequence[tuple[float, float]]
    kinds: Sequence[NDArray[np.float32]]
    asked: Sequence[float]

    def lead(self, at: int) -> float:
        """Return by how much the label of a candidate is more alike than that of all others."""
        own = self.best[at].overall
        if len(self.ranked) < 2:
            return own
        return own - self.ranked[1 if own == self.ranked[0] else 0]

    def best_label(self, at: int) -> LabelContext | None:
        """Return the label of a candidate that is most like the names."""
        labels = self.found[at].labels
        return labels[self.likenesses[at].index(self.best[at])] if labels else None

    def field_features(self) -> Features:
        """Return the `FIELD_FEATURES`."""
        typed = (
            each.overall * one.match.quality
            for each, one in zip(self.best, self.found, strict=True)
        )
        return (
            self.ranked[0] if self.ranked else 0.0,
            max((each.meaning for each in self.best), default=0.0),
            self.known,
            self.translated,
            min((each.contrary for each in self.best), default=0.0),
            max((same for same, _ in self.margins), default=0.0),
            min((other for _, other in self.margins), default=0.0),
            self.ranked[1] if len(self.ranked) > 1 else 0.0,
            max(typed, default=0.0),
            max(self.asked, default=0.0),
            math.log1p(len(self.found)),
            float(self.leaf.required),
            *group_flags(self.leaf),
        )


def compare_candidates(
    comparison: LabelComparison,
    leaf: Leaf,
    names: tuple[str, ...],
    found: Sequence[FieldCandidate],
) -> ComparedCandidates:
    """Return the candidates of a field with how alike their labels are to its names."""
    comparison.embed([*names, *(label.text for each in found for label in each.labels)])
    likenesses = [
        [comparison.likeness(names, label.text) for label in each.labels] for each in found
    ]
    best = [max(each, key=attrgetter("overall"), default=NO_LIKENESS) for each in likenesses]
    labels = [
        one.labels[alike.index(top)].text if one.labels else ""
        for one, alike, top in zip(found, likenesses, best, strict=True)
    ]
    margins = [comparison.concept_margins(names, label) for label in labels]
    kinds, asked = _kinds(comparison, leaf, names, found)
    return ComparedCandidates(
        leaf,
        names,
        found,
        likenesses,
        best,
        ranked=sorted((each.overall for each in best), reverse=True),
        known=max((each.vocabulary for each in best), default=0.0),
        translated=max((each.translation for each in best), default=0.0),
        margins=margins,
        kinds=kinds,
        asked=asked,
    )


def _kinds(
    comparison: LabelComparison,
    leaf: Leaf,
    names: tuple[str, ...],
    found: Sequence[FieldCandidate],
) -> tuple[list[NDArray[np.float32]], list[float]]:
    """Return what each text is, and how likely that is what the names ask for.

    Values that have a type are told by their reader.
    """
    is_text = GROUP_OF.get(leaf.kind) in _WITHOUT_TYPE
    texts = [each.text if is_text else "" for each in found]
    wanted = comparison.asked_kinds(names)
    kinds = [comparison.text_kinds(text) for text in texts]
    return kinds, [float(wanted @ each) for each in kinds]
