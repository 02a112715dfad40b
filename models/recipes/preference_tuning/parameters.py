"""The settings of preference tuning."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.networks.settings import TuningSettings

PreferenceMethod = Literal["dpo"]


class Parameters(TuningSettings):
    """Settings of the method, and of how many held-out pairs judge it."""

    answers_of_row: ClassVar[int] = 2
    """Answers of a row, both of which are in memory at once."""

    method: PreferenceMethod = "dpo"
    """`dpo` learns from the pairs alone."""
    beta: Annotated[float, Field(gt=0, le=100)] = 0.1
    """How closely the model is held to its base: the greater, the closer."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """The share of pairs that the raters are taken to have the wrong way round."""
    likelihood: Annotated[float, Field(ge=0, le=100)] = 0.0
    """Weight of the mean -log p of the chosen answers' tokens beside the loss of pairs. Those alone
    say nothing of what both answers share, such as that they end."""
    length_matters: bool = False
    """Whether the length of an answer is itself what is preferred. Unless it is, a model that goes
    by length alone is refused."""
    judged_rows: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Held-out pairs that are judged, at most; model and base answer the prompt of each."""
