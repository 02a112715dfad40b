"""Features of a value's lines, and of its size and place among the others of its field. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.extraction.feature_names import GROUP_OF, Features
from chalicelib.extraction.leaves import NUMERIC_KINDS
from chalicelib.extraction.text_kinds import KINDS

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.field_candidates import FieldCandidate
    from chalicelib.extraction.label_similarity import LabelComparison
    from chalicelib.extraction.layout.labels import LabelContext
    from chalicelib.extraction.leaves import Leaf

_NAMES = tuple(map(KINDS.index, ("person", "company")))
_STREETS = tuple(map(KINDS.index, ("street", "address")))
_TOWNS = tuple(map(KINDS.index, ("city", "postal city", "country")))
_RUN = re.compile(r"\d+|[^\W\d_]+")


def order_features(leaf: Leaf, found: Sequence[FieldCandidate]) -> list[Features]:
    """Return of each candidate whether its number or date is the largest, smallest, and where."""
    last = len(found) - 1
    sizes: list[Decimal | int | str | None] = [None] * len(found)
    if leaf.kind in NUMERIC_KINDS:
        sizes = [
            each.match.value if isinstance(each.match.value, Decimal | int) else None
            for each in found
        ]
    elif GROUP_OF.get(leaf.kind) == "date":
        sizes = [str(each.match.value) for each in found]
    known = [size for size in sizes if size is not None]
    largest = max(known, default=None)
    smallest = min(known, default=None)
    return [
        (
            float(size is not None and size == largest),
            float(size is not None and size == smallest),
            float(at == 0),
            float(at == last),
        )
        for at, size in enumerate(sizes)
    ]


def digits_at_ends(text: str) -> Features:
    """Return the shares of digits among the letters and digits of the first and the last line."""
    lines = text.splitlines() or [""]
    signs = ([sign for sign in line if sign.isalnum()] for line in (lines[0], lines[-1]))
    return tuple(sum(map(str.isdigit, each)) / max(1, len(each)) for each in signs)


def alike_form(text: str, example: str) -> float:
    """Return whether both have letters, digits and the signs between them in the same places."""
    return float(_form(text) == _form(example))


def _form(text: str) -> str:
    return _RUN.sub(lambda run: "9" if run.group()[0].isdigit() else "a", text.strip())


def shared_label_features(naming: Sequence[LabelContext | None]) -> list[Features]:
    """Return for each candidate one over its rank among those of its label, and over their number.

    A label mostly names what is nearest to it.
    """
    gaps: dict[Span, list[float]] = {}
    for label in naming:
        if label is not None:
            gaps.setdefault(label.span, []).append(label.gap)
    return [
        (0.0, 0.0)
        if label is None
        else (
            1 / (1 + sum(gap < label.gap for gap in gaps[label.span])),
            1 / len(gaps[label.span]),
        )
        for label in naming
    ]


def block_features(comparison: LabelComparison, candidate: FieldCandidate) -> Features:
    """Return the `BLOCK_FEATURES` of a text of one line or several.

    An address begins with a street or a box and ends with a town or a country; the line before it
    is mostly a name, and the one behind it is something else.

    Args:
        comparison: tells what lines are.
        candidate: with the lines of its block before it and behind it.
    """
    lines = candidate.text.splitlines() or [""]
    return (
        *_shares(comparison, lines[0], (_STREETS, _NAMES)),
        *_shares(comparison, lines[-1], (_TOWNS,)),
        *_shares(comparison, candidate.line_before, (_STREETS, _NAMES)),
        *_shares(comparison, candidate.line_after, (_TOWNS,)),
    )


def _shares(
    comparison: LabelComparison, line: str, groups: Sequence[tuple[int, ...]]
) -> tuple[float, ...]:
    """Return how likely a line is of each group of kinds."""
    if not line:
        return (0.0,) * len(groups)
    shares = comparison.text_kinds(line)
    return tuple(float(sum(shares[at] for at in group)) for group in groups)
