"""How much surer a language model's choice makes a span, as a likelihood ratio. Pure.

By Bayes' rule, the odds that a span is a field's value are multiplied by how much likelier the
model is to choose it when it is the value than when it is not. A model that is right for a share
`a` of the fields and whose mistakes all fall on the same tempting span has the ratio a / (1 - a):
mistakes that spread over several spans would allow more. `a` is set low, since nobody measured it
on the caller's documents: 3/4 of tier 1, 6/7 of tier 2, and 9/10 above.
"""

from __future__ import annotations

from collections.abc import Mapping

RATIOS: Mapping[int, float] = {1: 3.0, 2: 6.0, 3: 9.0, 4: 9.0, 5: 9.0}
"""By the tier of the served model."""
MEASURED_RATIOS: Mapping[str, float] = {"smollm2-135m-instruct-q4_1": 1.0}
"""By the model that answered, where it was measured: SmolLM2 makes too few right choices to be
given more than 1 (`benchmarks/extraction_selection.py`)."""


def likelihood_ratio(tier: int, answered_by: str) -> float:
    """Return the ratio of a choice by a model of a tier, which `answered_by` says it made."""
    return MEASURED_RATIOS.get(answered_by, RATIOS[tier])


def with_choice(probability: float, ratio: float) -> float:
    """Return how likely a span is the value after a model chose it."""
    chosen = probability * ratio
    return chosen / (chosen + 1 - probability)
