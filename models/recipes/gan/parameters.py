"""The settings of a GAN: networks, objective, and collapse alarm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from models.training.settings import RecipeSettings

Objective = Literal["minimax", "non-saturating", "wgan-gp"]

_USUAL: Mapping[Objective, Mapping[str, float | int]] = {
    "minimax": {
        "critic_steps": 1,
        "gradient_penalty": 0.0,
        "label_smoothing": 0.1,
        "momentum": 0.5,
    },
    "non-saturating": {
        "critic_steps": 1,
        "gradient_penalty": 0.0,
        "label_smoothing": 0.1,
        "momentum": 0.5,
    },
    "wgan-gp": {
        "critic_steps": 3,
        "gradient_penalty": 10.0,
        "label_smoothing": 0.0,
        "momentum": 0.0,
    },
}
"""The optimiser settings of an objective unless others are given: the momentum of DCGAN, whose
convolutions these perceptrons do not have, and the usual smoothing; or WGAN-GP's own, but for 3
steps of its critic, with which small pictures came out as well as with its 5. A. Radford et al.,
https://arxiv.org/abs/1511.06434; I. Gulrajani et al., https://arxiv.org/abs/1704.00028,
algorithm 1."""


class Parameters(RecipeSettings):
    """Settings of the networks, the objective and the alarm.

    Settings that depend on the objective default to its usual values.
    """

    side: Annotated[int, Field(ge=4, le=64)]
    """Height and width of a picture, pixels."""
    channels: Annotated[int, Field(ge=1, le=3)]
    hidden: Annotated[int, Field(ge=8, le=4096)]
    """Width of the hidden layers of both networks."""
    latent: Annotated[int, Field(ge=1, le=512)]
    """Dimensions of the noise that a picture is drawn from."""
    objective: Objective
    critic_steps: Annotated[int, Field(ge=1, le=100)]
    """Steps of the critic before each of the generator; each has a batch of its own."""
    gradient_penalty: Annotated[float, Field(ge=0, le=1000)]
    """Weight of (|gradient of the critic| - 1)^2 between real and drawn."""
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)]
    """How much less than 1 the critic is told that real pictures are; 0 for drawn ones stays."""
    label_flips: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """The share of pictures about which the critic is told the opposite."""
    momentum: Annotated[float, Field(ge=0, lt=1)]
    """Adam's first beta, of both networks."""
    averaging: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The decay of the average of the generator's weights at each step; 0 for no average."""
    collapse_spread: Annotated[float, Field(ge=0, le=1)] = 0.7
    """The alarm's bound: how far apart draws have to be, as a share of real pictures' distance."""
    collapse_steps: Annotated[int, Field(ge=1)] = 500
    """How many steps in a row below the bound end the training."""

    @model_validator(mode="before")
    @classmethod
    def _as_usual(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or given.get("objective") not in _USUAL:
            return given
        return {**_USUAL[given["objective"]], **given}

    @model_validator(mode="after")
    def _fits_the_objective(self) -> Parameters:
        if self.objective != "wgan-gp":
            return self
        if self.label_smoothing or self.label_flips:
            raise ValueError(
                "objective wgan-gp has no labels: label_smoothing and label_flips have to be 0"
            )
        if not self.gradient_penalty:
            raise ValueError("objective wgan-gp needs a gradient_penalty above 0, 10 as a rule")
        return self
