"""The settings of an embedder of texts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.networks.settings import EncoderSettings


class Parameters(EncoderSettings):
    """Settings of the encoder and of the loss."""

    way: Literal["full", "gradual", "lora"]
    """There is no head, so that the layers learn in any way."""
    similarity_scale: Annotated[float, Field(gt=0, le=1000)] = 20.0
    """What cosines are multiplied by before the softmax: 1 by its temperature."""
