"""The ranges of settings that a recipe allows a tuning: numbers, or a few values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scale = Literal["linear", "log", "reverse_log"]
FORBIDDEN = ("seed", "threads", "checkpoint_every")
"""Settings that no tuning may choose: a seed that came out best is luck, and the others do not
change what is learned."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class NumberRange(_Part):
    """Numbers from `least` to `most`, both included; integers if the setting is one."""

    least: float
    most: float
    scale: Scale = "linear"
    """On which scale they are as likely as others; reverse_log is for what is just below 1."""

    @model_validator(mode="after")
    def _spans(self) -> NumberRange:
        if self.least >= self.most:
            raise ValueError("least has to be below most")
        if self.scale == "log" and self.least <= 0:
            raise ValueError("least has to be above 0 on a log scale")
        if self.scale == "reverse_log" and (self.least < 0 or self.most >= 1):
            raise ValueError("a reverse_log scale is for numbers from 0 to below 1")
        return self

    def few(self) -> tuple[float, float, float]:
        """Return both ends and the middle on the scale, to three digits."""
        if self.scale == "log":
            middle = math.sqrt(self.least * self.most)
        elif self.scale == "reverse_log":
            middle = 1 - math.sqrt((1 - self.least) * (1 - self.most))
        else:
            middle = (self.least + self.most) / 2
        return self.least, float(f"{middle:.3g}"), self.most


class ValueChoices(_Part):
    """One of a few values."""

    values: Annotated[tuple[Any, ...], Field(min_length=2, max_length=30)]


class TuningRanges(_Part):
    """The objective of a tuning, and the ranges that it searches."""

    objective: str
    """One of the recipe's metrics, or a number of its gates; each says what is better."""
    ranges: Annotated[Mapping[str, NumberRange | ValueChoices], Field(min_length=1, max_length=30)]

    @model_validator(mode="after")
    def _chooses_what_is_learned(self) -> TuningRanges:
        if wrong := sorted(set(FORBIDDEN) & set(self.ranges)):
            raise ValueError(f"ranges has {wrong[0]}, which no tuning may choose")
        return self
