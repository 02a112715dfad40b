"""Weights of the choice among schemas are refused where they choose no better than chance."""

from __future__ import annotations

import math

import pytest

from chalicelib.extraction.confidence import Odds
from chalicelib.extraction.schema_fit import FIT_FEATURES
from models.datasets.business_documents import KINDS
from models.failures import BelowGate
from models.schema_fit.__main__ import FitExample, require_better_than_chance


def examples() -> list[FitExample]:
    """Return documents for which the first feature is 1 with the schema of their kind alone."""
    rest = (0.0,) * (len(FIT_FEATURES) - 1)
    return [
        FitExample(kind, tuple((float(kind == other), *rest) for other in KINDS))
        for kind in KINDS * 8
    ]


def odds(first: float) -> Odds:
    return Odds((first, *(0.0,) * (len(FIT_FEATURES) - 1)), 0.0)


def test_weights_that_tell_schemas_apart_should_pass() -> None:
    require_better_than_chance(odds(2.0), examples())


@pytest.mark.parametrize("first", [0.0, -2.0, math.nan], ids=["chance", "the wrong way", "nan"])
def test_weights_at_chance_should_be_refused(first: float) -> None:
    with pytest.raises(BelowGate, match="The right schema fits best"):
        require_better_than_chance(odds(first), examples())
