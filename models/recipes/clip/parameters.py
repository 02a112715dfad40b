"""The settings of CLIP on shapes."""

from __future__ import annotations

from models.networks.settings import TowerSettings


class Parameters(TowerSettings):
    """Those of two towers; there are no others."""
