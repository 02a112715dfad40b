"""The settings of diffusion tuning."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import DiffusionTuningSettings


class Parameters(DiffusionTuningSettings):
    """Settings of the way of tuning, and of how many pictures judge it."""

    judged_pictures: Annotated[int, Field(ge=2, le=10_000)] = 100
    """Held-out pictures that are judged, at most; the base draws as many."""
    drawn_pictures: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Pictures that are drawn of their captions, to look for copies of what was trained on."""
