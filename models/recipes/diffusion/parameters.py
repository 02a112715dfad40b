"""The settings of the diffusion model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DenoiserSettings


class Parameters(DenoiserSettings):
    """Settings of the denoiser, and how often it is trained without a caption."""

    drop_caption: Annotated[float, Field(ge=0, lt=1)]
    """The share of pictures without a caption, so that guidance has what to compare with."""
