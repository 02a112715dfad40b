"""The settings of instruction tuning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import TuningSettings


class Parameters(TuningSettings):
    """Settings of the way of tuning, and of how many held-out rows judge it."""

    judged_rows: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Held-out rows that are answered, at most; the base answers them twice."""
