"""The settings of CLIP on emoji."""

from __future__ import annotations

from models.networks.settings import TowerSettings


class Parameters(TowerSettings):
    """The settings of two towers, without others."""
