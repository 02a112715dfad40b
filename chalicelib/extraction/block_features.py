"""Features of where a block of lines begins and ends, such as an address below a name. Pure.

An address begins with a street or a box and ends with a town or a country; the line before it is
mostly a name, and the one behind it is something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.extraction.text_kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chalicelib.extraction.feature_names import Features
    from chalicelib.extraction.field_candidates import FieldCandidate
    from chalicelib.extraction.label_similarity import LabelComparison

_NAMES = tuple(map(KINDS.index, ("person", "company")))
_STREETS = tuple(map(KINDS.index, ("street", "address")))
_TOWNS = tuple(map(KINDS.index, ("city", "postal city", "country")))


def block_features(comparison: LabelComparison, candidate: FieldCandidate) -> Features:
    """Return the `BLOCK_FEATURES` of a text of one line or several.

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
