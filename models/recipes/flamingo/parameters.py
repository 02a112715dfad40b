"""The settings of Flamingo."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DecoderSettings, VisionSettings


class Parameters(DecoderSettings, VisionSettings):
    """Settings of the trained parts and of the two frozen networks.

    Those of the frozen networks have to equal those of the bases.
    """

    shots: Annotated[int, Field(ge=1, le=16)] = 2
    """Pictures with their answers before the one that is asked about."""
    latents: Annotated[int, Field(ge=1, le=256)]
    """Vectors that a picture becomes."""
    resampler_layers: Annotated[int, Field(ge=1, le=12)]
    resampler_heads: Annotated[int, Field(ge=1, le=64)]
    varied: Annotated[float, Field(ge=0, le=1)] = 0.6
    """Share of the pictures that are recoloured or scattered, and asked for what is left."""
    colour: str = "colour"
    """The attribute that a recoloured picture loses."""
    drawn: tuple[str, ...] = ("shape", "size")
    """The attributes that a scattered picture loses."""
    every: Annotated[int, Field(ge=1, le=128)] = 1
    """Layers of the language model from one look at the pictures to the next."""
