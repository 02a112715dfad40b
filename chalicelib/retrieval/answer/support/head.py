"""The learned head of the support check: one weight for each dimension of a pair's vector."""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SupportHead:
    """A logistic regression; a claim is supported from the logarithmic odds `threshold` on."""

    weights: tuple[float, ...]
    bias: float
    threshold: float

    def odds(self, vector: Sequence[float]) -> float:
        """Return the logarithmic odds that the premise of a pair entails its claim."""
        return self.bias + math.fsum(map(operator.mul, self.weights, vector))


def parse_support_head(written: str, dimensions: int) -> SupportHead:
    """Return the head from its JSON; raise ValueError if it is of another model's vectors."""
    document: Mapping[str, Any] = json.loads(written)
    weights = tuple(float(weight) for weight in document["weights"])
    if len(weights) != dimensions:
        raise ValueError(f"The head has {len(weights)} weights, and vectors have {dimensions}.")
    return SupportHead(weights, float(document["bias"]), float(document["threshold"]))
