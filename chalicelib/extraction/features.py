"""Features of a candidate for a field's value: labels, place, type, and how it compares. Pure.

They say nothing of any language, format or kind of document: which label says what is told by the
comparison of names, and the rest by where a span stands and what else is like it.
"""

from __future__ import annotations

import heapq
import math
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from chalicelib.extraction.compared_candidates import ComparedCandidates, compare_candidates
from chalicelib.extraction.feature_names import (
    BLOCK_FEATURES,
    CANDIDATE_FEATURES,
    RELATIONS,
    FeatureRows,
    Features,
    group_flags,
)
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.label_similarity import LabelComparison, LabelLikeness
from chalicelib.extraction.leaves import BLOCK_KINDS, Leaf, LeafKind
from chalicelib.extraction.value_features import (
    alike_form,
    block_features,
    digits_at_ends,
    order_features,
    shared_label_features,
)
from chalicelib.extraction.values.characters import folded

if TYPE_CHECKING:
    from chalicelib.extraction.document import SourceDocument, Span
    from chalicelib.extraction.layout.labels import LabelContext

MAX_WITHIN = 8
"""Names made of that of an object and that of its field."""
MAX_NAME_WORDS = 6
"""Words of a value that may be the name of another field."""
_NUMBERS = (LeafKind.NUMBER, LeafKind.INTEGER, LeafKind.MONEY)
_NO_FIELD = (0.0, "")
_NO_BLOCK = (0.0,) * len(BLOCK_FEATURES)


def names_of(leaf: Leaf) -> tuple[str, ...]:
    """Return what a document may call a field, also by the object that it is a part of."""
    around = leaf.parents[-1] if leaf.parents else ()
    within = [f"{outer} {name}" for outer in around for name in leaf.names]
    return tuple(dict.fromkeys((*leaf.names, *within[:MAX_WITHIN])))


@dataclass(frozen=True, slots=True)
class FieldFeatures:
    """Features of a field's candidates and of the field, and where the best labels stand."""

    candidates: FeatureRows
    field: Features
    labels: tuple[Span | None, ...]


@dataclass(frozen=True, slots=True)
class FeatureMaker:
    """Makes the features of the fields of one schema in one document.

    Args:
        document: the text and places.
        comparison: compares names with labels.
        names: the names of each field of the schema, by pointer.
        written: compares by words and letters alone.
        named: The fields that labels are most like, and `written_as` how alike texts are to any.
    """

    document: SourceDocument
    comparison: LabelComparison
    names: Mapping[str, tuple[str, ...]]
    written: LabelComparison = field(default_factory=LabelComparison)
    named: dict[str, tuple[tuple[float, str], tuple[float, str]]] = field(default_factory=dict)
    written_as: dict[str, float] = field(default_factory=dict)

    def features(self, leaf: Leaf, found: Sequence[FieldCandidate]) -> FieldFeatures:
        """Return the `CANDIDATE_FEATURES` of each candidate and the `FIELD_FEATURES`."""
        compared = compare_candidates(self.comparison, leaf, self.names[leaf.pointer], found)
        counts = Counter(each.match.value for each in found)
        order = order_features(leaf, found)
        flags = group_flags(leaf)
        naming = [compared.best_label(at) for at in range(len(found))]
        shared = shared_label_features(naming)
        most_asked = max(compared.asked, default=0.0)
        is_block = leaf.kind in BLOCK_KINDS
        candidates = (
            (
                *_by_relation(each.labels, compared.likenesses[at]),
                *compared.best[at],
                compared.best[at].overall,
                compared.lead(at),
                compared.ranked[0] - compared.best[at].overall,
                compared.known - compared.best[at].vocabulary,
                compared.translated - compared.best[at].translation,
                *compared.margins[at],
                self._nearer(each.labels, naming[at]),
                *shared[at],
                *self._around(leaf, each),
                *self._rival(compared, at),
                *_nearness(each.labels, naming[at]),
                *_typed(each),
                *self._place(each),
                math.log1p(counts[each.match.value] - 1),
                1 / len(found),
                *order[at],
                *self._content(compared, each),
                compared.asked[at],
                most_asked - compared.asked[at],
                *(block_features(self.comparison, each) if is_block else _NO_BLOCK),
                *compared.kinds[at].tolist(),
                *flags,
            )
            for at, each in enumerate(found)
        )
        spans = tuple(None if label is None else label.span for label in naming)
        rows = np.array(list(candidates), np.float32).reshape(-1, len(CANDIDATE_FEATURES))
        return FieldFeatures(rows, compared.field_features(), spans)

    def _around(self, leaf: Leaf, each: FieldCandidate) -> Features:
        """Return how alike the names of the object around a field are to any of the labels."""
        around = leaf.parents[-1] if leaf.parents else ()
        if not around:
            return 0.0, 0.0
        alike = max(
            (self.comparison.similarity(around, label.text) for label in each.labels), default=0.0
        )
        return alike, 1.0

    def _rival(self, compared: ComparedCandidates, at: int) -> Features:
        """Return how alike another field's names are to the label, and whether they are more so."""
        label = compared.best_label(at)
        if label is None:
            return 0.0, 0.0
        best, second = self._named(label.text)
        rival = second[0] if best[1] == compared.leaf.pointer else best[0]
        return rival, float(rival > compared.best[at].overall)

    def _named(self, text: str) -> tuple[tuple[float, str], tuple[float, str]]:
        """Return the two fields whose names are most like a label: likeness and pointer of each.

        A label is compared with all fields once, however many candidates and fields look at it.
        """
        if text not in self.named:
            alike = [
                (self.comparison.similarity(names, text), pointer)
                for pointer, names in self.names.items()
            ]
            best, second = heapq.nlargest(2, [*alike, _NO_FIELD, _NO_FIELD])
            self.named[text] = best, second
        return self.named[text]

    def _written(self, text: str) -> float:
        """Return how alike a text and any field's names are, by words and letters."""
        if text not in self.written_as:
            self.written_as[text] = max(
                self.written.similarity(names, text) for names in self.names.values()
            )
        return self.written_as[text]

    def _nearer(self, labels: Sequence[LabelContext], best: LabelContext | None) -> float:
        """Return how alike a label that is nearer than the best one is to any name of documents."""
        if best is None:
            return 0.0
        nearer = [
            label.text for label in labels if label.gap < best.gap and label.text != best.text
        ]
        return max(map(self.comparison.names_a_concept, nearer), default=0.0)

    def _percent(self, leaf: Leaf, each: FieldCandidate) -> float:
        """Return how much a number is asked for in percent, negative if it is none in percent."""
        if leaf.kind not in _NUMBERS:
            return 0.0
        asked = self.comparison.asks_for_percent(self.names[leaf.pointer])
        return asked if "%" in folded(each.text) else -asked

    def _place(self, each: FieldCandidate) -> Features:
        """Return where the candidate stands in the document and on its page."""
        pages = len(self.document.pages)
        span = each.spans[0]
        page = self.document.page(span.page)
        boxes = self.document.boxes(span)
        if boxes and page.height:
            left, top, _, bottom = boxes[0]
            place = top / page.height, left / page.width, 100 * (bottom - top) / page.height
        else:
            place = span.start / max(1, len(page.text)), 0.0, 0.0
        return (
            (span.page - 1) / max(1, pages - 1) if pages > 1 else 0.0,
            float(span.page == self.document.pages[0].number),
            float(span.page == self.document.pages[-1].number),
            *place,
        )

    def _content(self, compared: ComparedCandidates, each: FieldCandidate) -> Features:
        """Return features of the value's own text."""
        text = each.text
        visible = [sign for sign in text if not sign.isspace()]
        words = text.split()
        names_a_field = names_a_concept = 0.0
        if compared.leaf.kind in BLOCK_KINDS and len(words) <= MAX_NAME_WORDS:
            names_a_field = self._written(text)
            names_a_concept = self.comparison.names_a_concept(text)
        confidence = [self.document.confidence(span) for span in each.spans]
        scores = [score for score in confidence if score is not None]
        return (
            names_a_field,
            names_a_concept,
            self._percent(compared.leaf, each),
            math.log1p(len(words)),
            sum(map(str.isdigit, visible)) / max(1, len(visible)),
            sum(word[0].isupper() for word in words) / max(1, len(words)),
            float(len(each.spans)),
            float(each.before),
            float(each.after),
            float(each.within),
            *digits_at_ends(text),
            max((alike_form(text, str(one)) for one in compared.leaf.examples), default=0.0),
            1.0 - min(scores) if scores else 0.0,
        )


def _by_relation(labels: Sequence[LabelContext], likenesses: Sequence[LabelLikeness]) -> Features:
    best = dict.fromkeys(RELATIONS, (0.0, 0.0, 0.0, 0.0))
    for label, each in zip(labels, likenesses, strict=True):
        known = best[label.relation]
        best[label.relation] = (
            max(known[0], each.overall),
            max(known[1], each.meaning),
            max(known[2], each.vocabulary),
            max(known[3], each.translation),
        )
    return tuple(found[at] for at in range(4) for found in best.values())


def _nearness(labels: Sequence[LabelContext], best: LabelContext | None) -> Features:
    if best is None:
        return 0.0, 0.0, 0.0
    nearest = min(each.gap for each in labels)
    return float(best.gap <= nearest), 1 / (1 + max(0.0, best.gap)), 1.0


def _typed(each: FieldCandidate) -> Features:
    match = each.match
    return (
        match.quality,
        float(match.valid is True),
        float(match.valid is False),
        float(match.ambiguous),
        float(
            match.currency != "" or any(unicodedata.category(sign) == "Sc" for sign in each.text)
        ),
        float("%" in folded(each.text)),
    )
