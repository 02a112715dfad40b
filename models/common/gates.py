"""Whether an evaluation is what a recipe asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping

from models.common.failures import BelowGate
from models.common.recipe import Gate


def missed(gates: Mapping[str, Gate], evaluation: Mapping[str, float]) -> list[str]:
    """Return a sentence for each gate that is not reached, also for one without a number."""
    found = []
    for name, gate in gates.items():
        value = evaluation.get(name)
        if value is None or math.isnan(value):
            found.append(f"{name} was not measured")
        elif gate.least is not None and value < gate.least:
            found.append(f"{name} is {value:.4g} and has to be {gate.least:g} at least")
        elif gate.most is not None and value > gate.most:
            found.append(f"{name} is {value:.4g} and may be {gate.most:g} at most")
    return found


def hold(gates: Mapping[str, Gate], evaluation: Mapping[str, float]) -> None:
    """Raise BelowGate unless every gate is reached."""
    if problems := missed(gates, evaluation):
        raise BelowGate(f"The model is not registered: {'; '.join(problems)}.")
