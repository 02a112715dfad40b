"""The settings of continued pre-training."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DecoderSettings


class Parameters(DecoderSettings):
    """Settings of the decoder, equal to its base's, and of the rehearsal."""

    replay: Annotated[float, Field(ge=0, lt=1)]
    """The share of rows that are of what the base was trained on, so that less is forgotten.
    D. Rolnick et al., https://arxiv.org/abs/1811.11682."""
