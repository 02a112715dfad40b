"""The settings of reward tuning."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from models.networks.settings import TuningSettings


class Parameters(TuningSettings):
    """Settings of the scores, and of how many held-out pairs judge them."""

    answers_of_row: ClassVar[int] = 2
    """Answers of a row, both of which are in memory at once."""

    unended: Annotated[float, Field(le=0, ge=-1000)] = -10.0
    """The score of an answer that has not come to its end."""
    centre: Annotated[float, Field(ge=0, le=10)] = 0.01
    """How strongly the scores of a pair are held around 0, which pairs alone leave open."""
    length_matters: bool = False
    """Whether the length of an answer is itself what is preferred. Unless it is, a model that goes
    by length alone is refused."""
    judged_rows: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Held-out pairs that are scored, at most."""

    @model_validator(mode="after")
    def _tunes_layers(self) -> Self:
        if self.way not in ("lora", "full"):
            raise ValueError(f"way: is {self.way}; scores are learned by lora or full")
        return self
