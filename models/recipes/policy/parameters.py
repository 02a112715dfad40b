"""The settings of the policy."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DecoderSettings


class Parameters(DecoderSettings):
    """Settings of the decoder and of the evaluation."""

    most: Annotated[int, Field(ge=1, le=4096)]
    """Tokens that a completion may have."""
