"""The settings of the reward model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DecoderSettings


class Parameters(DecoderSettings):
    """Settings of the decoder, equal to the policy's, and of the scores."""

    unended: Annotated[float, Field(le=0, ge=-1000)]
    """The score of a text that has not come to its end."""
    centre: Annotated[float, Field(ge=0, le=10)] = 0.01
    """How strongly the scores of a pair are held around 0, which pairs alone leave open."""
