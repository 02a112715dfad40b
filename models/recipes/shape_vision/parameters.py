"""The settings of the image tower."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.networks.settings import VisionSettings


class Parameters(VisionSettings):
    """Settings of the network, and of the words that it learns to see."""

    vocabulary: Annotated[int, Field(ge=8, le=262_144)]
    """Tokens that there are, special ones included."""
    recoloured: Annotated[float, Field(ge=0, le=1)] = 0.75
    """Share of the pictures that are shown in other colours, and not asked for these."""
    colour: str = "colour"
    """The attribute that other colours change."""
    together: tuple[str, ...] = ("colour", "shape")
    """Attributes that have to be right together, as the test has new pairs of these."""
