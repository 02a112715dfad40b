"""The settings of the autoencoder."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.training.settings import RecipeSettings


class Parameters(RecipeSettings):
    """Settings of the network, the noise that is assumed, and how the KL term comes in."""

    side: Annotated[int, Field(ge=4, le=64)]
    """Height and width of a picture, pixels."""
    channels: Annotated[int, Field(ge=1, le=3)]
    hidden: Annotated[int, Field(ge=8, le=4096)]
    """Width of the hidden layers."""
    latent: Annotated[int, Field(ge=1, le=512)]
    """Dimensions of what a picture is encoded as."""
    noise_variance: Annotated[float, Field(gt=0, le=10)]
    """Variance of the Gaussian noise around what is decoded; less of it weighs pixels higher."""
    kl_warmup: Annotated[int, Field(ge=0)] = 0
    """Steps over which the KL term grows to its full weight, so that the latents come into use."""
