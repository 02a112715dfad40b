"""The settings of the recipe `sequence_to_sequence`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import SequenceSettings


class Parameters(SequenceSettings):
    """Settings of the way of tuning, and of how many held-out rows judge it."""

    judged_rows: Annotated[int, Field(ge=1, le=10_000)] = 500
    """Held-out rows that are answered, at most."""
