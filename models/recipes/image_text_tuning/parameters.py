"""The settings of two towers that are tuned."""

from __future__ import annotations

from models.networks.settings import ImageTextSettings


class Parameters(ImageTextSettings):
    """The settings of two towers, without others."""
