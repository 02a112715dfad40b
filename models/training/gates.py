"""Gates: bounds that numbers of an evaluation have to reach before a model is registered."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict, model_validator

from models.failures import BelowGate


class Gate(BaseModel):
    """The bounds of a metric of the evaluation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Gate:
        if self.least is None and self.most is None:
            raise ValueError("a gate needs least or most")
        return self


class Bounds(Protocol):
    """The bounds of a number, as a gate has them."""

    @property
    def least(self) -> float | None:
        """Return the least that it may be."""

    @property
    def most(self) -> float | None:
        """Return the most that it may be."""


def stricter_gate(one: Bounds, other: Bounds) -> Gate:
    """Return a gate with the stricter of both bounds."""
    least = [each.least for each in (one, other) if each.least is not None]
    most = [each.most for each in (one, other) if each.most is not None]
    return Gate(least=max(least, default=None), most=min(most, default=None))


def missed_gates(
    gates: Mapping[str, Gate],
    evaluation: Mapping[str, float],
    unknown: Mapping[str, str] | None = None,
) -> list[str]:
    """Return a sentence for each gate that is missed.

    A metric that is missing or not finite misses its gate, whatever its bounds; `unknown` says by
    its name why it could not be told.
    """
    found = []
    for name, gate in gates.items():
        value = evaluation.get(name)
        if value is None:
            reason = (unknown or {}).get(name)
            found.append(
                f"{name} cannot be told: {reason}" if reason else f"{name} was not measured"
            )
        elif not math.isfinite(value):
            found.append(f"{name} is {value} and has to be a finite number")
        elif gate.least is not None and value < gate.least:
            found.append(f"{name} is {value:.4g} and has to be {gate.least:g} at least")
        elif gate.most is not None and value > gate.most:
            found.append(f"{name} is {value:.4g} and may be {gate.most:g} at most")
    return found


def require_gates(
    gates: Mapping[str, Gate],
    evaluation: Mapping[str, float],
    unknown: Mapping[str, str] | None = None,
) -> None:
    """Raise BelowGate unless every gate is reached; see `missed_gates`."""
    if problems := missed_gates(gates, evaluation, unknown):
        raise BelowGate(f"The model is not registered: {'; '.join(problems)}.")
