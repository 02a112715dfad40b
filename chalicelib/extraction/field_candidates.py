"""A candidate for a field's value, and those of a field that are worth a comparison."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.label_similarity import LabelComparison
    from chalicelib.extraction.layout.labels import LabelContext
    from chalicelib.extraction.leaves import Leaf
    from chalicelib.extraction.values.value_match import ValueMatch

MAX_CANDIDATES = 300
"""Candidates of one field that are compared: those whose labels are most alike."""
LIKE_A_NAME = 0.4
"""Likeness of such words and a field's names, at least."""


@dataclass(frozen=True, slots=True)
class FieldCandidate:
    """Spans of the document, one a line, that may be a field's value.

    Attributes:
        spans: Characters of pages, in reading order.
        text: The characters, with line ends between the spans.
        match: The value that the field's reader makes of the text.
        labels: What may name it, nearest first.
        before: Lines of its block before it, and `after` behind it.
        line_before: The text of the line before it, and `line_after` of the one behind it, if any.
        is_rest: Whether it is what words of a cell leave, which may be a label or not.
        within: Whether it stands within a sentence; the quality of its match is then how likely
            the words are a value at all.
    """

    spans: tuple[Span, ...]
    text: str
    match: ValueMatch
    labels: tuple[LabelContext, ...]
    before: int = 0
    after: int = 0
    is_rest: bool = False
    within: bool = False
    line_before: str = ""
    line_after: str = ""


@dataclass(slots=True)
class KeptCandidates:
    """The candidates of one field, of which those with the likeliest labels are kept."""

    leaf: Leaf
    comparison: LabelComparison
    ranked: list[tuple[float, int, FieldCandidate]] = field(default_factory=list)
    count: int = 0

    def add(self, candidate: FieldCandidate) -> None:
        """Keep a candidate, unless it is what a label leaves and no label is like the names."""
        labels = candidate.labels
        if candidate.is_rest:
            labels = tuple(each for each in labels if each.relation in ("same_cell", "behind"))
        alike = (self.comparison.similarity(self.leaf.names, each.text) for each in labels)
        likeness = max(alike, default=0.0)
        if candidate.is_rest and likeness < LIKE_A_NAME:
            return
        self.count += 1
        self.ranked.append((-likeness, self.count, candidate))
        if len(self.ranked) > 2 * MAX_CANDIDATES:
            self._prune()

    def found(self) -> list[FieldCandidate]:
        """Return those that are kept, in the order in which they came."""
        self._prune()
        return [each[2] for each in sorted(self.ranked, key=lambda each: each[1])]

    def _prune(self) -> None:
        self.ranked.sort(key=lambda each: each[:2])
        del self.ranked[MAX_CANDIDATES:]
