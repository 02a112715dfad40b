"""The settings of learning from preferences."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.networks.online_settings import GROUPED_METHODS, OnlineMethod, PpoSettings
from models.networks.settings import DecoderSettings

Method = Literal[OnlineMethod, "dpo"]


class Parameters(DecoderSettings, PpoSettings):
    """Settings of the decoders, the method and the rewards.

    Those of the decoders have to equal those of policy and reward model. `dpo` samples nothing and
    uses `beta` alone.
    """

    method: Method
    most: Annotated[int, Field(ge=1, le=4096)]
    """Tokens that a completion may have."""
    of_model: Annotated[float, Field(ge=0, le=1000)] = 1.0
    """Weight of the reward model's score."""
    of_length: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """The penalty of a completion of `most` tokens; a shorter one pays in proportion."""
    of_repetition: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """The penalty of a completion that repeats one token, by the share of repetitions."""

    @model_validator(mode="after")
    def _forms_groups(self) -> Self:
        self.require_method(self.method)
        if self.method in GROUPED_METHODS:
            self.require_groups(self.method)
        return self

    @property
    def group(self) -> int:
        """Return how many completions a prompt has."""
        return self.samples if self.method in GROUPED_METHODS else 1
