"""The weights that a training changes, apart from those of its base model, which stay as they are.

Checkpoints and artefacts of a model that is tuned have these alone: the base is a channel of every
job, and two copies of it in each checkpoint would be gigabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from models.failures import BadData
from models.training.shards import like_weight


class LearnedWeights:
    """The weights of `network` that required gradients when this was made; a part of checkpoints.

    A way that thaws layers step by step begins with all of them thawed, so that all are found.
    """

    def __init__(self, network: nn.Module) -> None:
        """Note the names of the weights that learn; of two of one tensor, the first."""
        self._network = network
        self._names = frozenset(
            name for name, each in network.named_parameters() if each.requires_grad
        )

    def _learned(self) -> dict[str, nn.Parameter]:
        """Return the weights as they are now: a move to XLA's device makes new ones."""
        found = {
            name: each for name, each in self._network.named_parameters() if name in self._names
        }
        assert len(found) == len(self._names), "the network's weights have other names by now"
        return found

    @property
    def count(self) -> int:
        """Return how many numbers are learned."""
        return sum(each.numel() for each in self._learned().values())

    def state_dict(self) -> dict[str, Any]:
        """Return the learned weights by name."""
        return {name: each.detach() for name, each in self._learned().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Restore learned weights.

        Raises:
            BadData: a weight is missing, unknown, or of another shape.
        """
        if differing := sorted(set(state_dict) ^ self._names):
            raise BadData(
                f"The weights of the training are not those that its settings learn: {differing[0]}"
                f" and {len(differing) - 1} more differ. Use the base and the way of that training."
            )
        with torch.no_grad():
            for name, each in self._learned().items():
                given = state_dict[name]
                if given.shape != each.shape:
                    raise BadData(
                        f"{name} has the shape {tuple(given.shape)}, and the network has "
                        f"{tuple(each.shape)}. Use the base and the way of that training."
                    )
                each.copy_(like_weight(given, each))
