"""The network of continued pre-training: a decoder, with the one that it began from."""

from __future__ import annotations

from models.networks.adapting import Adapted
from models.recipes.continued.parameters import Parameters


def network(parameters: Parameters) -> Adapted:
    """Return a decoder all of whose weights learn."""
    return Adapted(parameters, lambda plain: plain)
