"""Where an address begins and ends is told by its lines and by those around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.extraction.document import Span
from chalicelib.extraction.feature_names import BLOCK_FEATURES
from chalicelib.extraction.field_candidates import FieldCandidate
from chalicelib.extraction.label_similarity import LabelComparison
from chalicelib.extraction.text_kinds import KINDS
from chalicelib.extraction.value_features import block_features
from chalicelib.extraction.values.value_match import ValueMatch

LINES = {"Acme Ltd": "company", "12 Hill Road": "street", "Leeds LS1 4AB": "postal city"}


@dataclass(slots=True)
class KnownLines(LabelComparison):
    """A comparison that knows what some lines are."""

    def text_kinds(self, text: str) -> NDArray[np.float32]:
        """Return the kind of a known line, and nothing of others."""
        return np.array([LINES.get(text) == kind for kind in KINDS], np.float32)


def features(*lines: str, before: str = "", after: str = "") -> dict[str, float]:
    text = "\n".join(lines)
    spans = tuple(Span(1, 20 * at, 20 * at + len(line)) for at, line in enumerate(lines))
    match = ValueMatch(0, len(text), text)
    found = FieldCandidate(spans, text, match, (), line_before=before, line_after=after)
    return dict(zip(BLOCK_FEATURES, block_features(KnownLines(), found), strict=True))


def test_a_whole_address_should_begin_with_a_street_and_end_with_a_town() -> None:
    found = features("12 Hill Road", "Leeds LS1 4AB", before="Acme Ltd")
    assert found == dict.fromkeys(BLOCK_FEATURES, 0.0) | {
        "first is street": 1.0,
        "last is town": 1.0,
        "before is name": 1.0,
    }


def test_an_address_that_is_cut_should_be_told_by_the_line_that_it_lacks() -> None:
    cut = features("Acme Ltd", "12 Hill Road", after="Leeds LS1 4AB")
    assert cut["first is name"] == cut["after is town"] == 1.0
    assert cut["last is town"] == cut["first is street"] == 0.0
    town = features("Leeds LS1 4AB", before="12 Hill Road")
    assert town["before is street"] == town["last is town"] == 1.0
