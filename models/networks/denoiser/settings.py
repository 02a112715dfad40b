"""The settings that every recipe with a denoiser has."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.common.recipe import Settings

GROUPS = 8


class DenoiserSettings(Settings):
    """Settings of the network, of the noise, and how pictures are drawn."""

    side: Annotated[int, Field(ge=4, le=128, multiple_of=2)]
    """Height and width of a picture, pixels."""
    channels: Annotated[int, Field(ge=1, le=3)]
    words: Annotated[int, Field(ge=1, le=100_000)]
    """Words of the vocabulary."""
    prompt_tokens: Annotated[int, Field(ge=1, le=77)]
    """The most words of a prompt."""
    width: Annotated[int, Field(ge=GROUPS, le=1024, multiple_of=GROUPS)]
    """Channels at the full resolution; twice as many at half of it."""
    text_width: Annotated[int, Field(ge=8, le=1024, multiple_of=4)]
    """Width of what a word is read as."""
    noise_steps: Annotated[int, Field(ge=2, le=4000)]
    """Steps of the chain that makes a picture noise."""
    average: Annotated[float, Field(ge=0, lt=1)]
    """How much of the moving average of the weights each step leaves."""
    guidance: Annotated[float, Field(ge=0, le=20)]
    """How pictures are drawn unless asked otherwise: 1 is the prompt's prediction alone."""
    sampling_steps: Annotated[int, Field(ge=1, le=4000)]
    """Calls of the network a picture, unless asked otherwise."""

    @model_validator(mode="after")
    def _samples_within_the_chain(self) -> Self:
        if self.sampling_steps > self.noise_steps:
            raise ValueError("sampling_steps may be noise_steps at most")
        return self
