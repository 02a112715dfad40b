"""The settings of the language model."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DecoderSettings


class Parameters(DecoderSettings):
    """Settings of the network and of its training rows."""

    lost: Annotated[float, Field(ge=0, lt=1)] = 0.15
    """Share of the words of a context that are unknown, so that it learns to do without."""
    pictures: Annotated[int, Field(ge=2, le=16)] = 3
    """Answers in a row, from which it learns that all are of one kind."""
