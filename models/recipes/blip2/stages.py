"""Two stages as one task: the second begins with the weights of the first, and a new optimiser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from models.common.checkpoints import Stateful
from models.common.supervised import LossTask


@dataclass(frozen=True, slots=True)
class Stages:
    """Does `first` for so many steps and then `second`, which counts its own from 1 on."""

    first: LossTask
    second: LossTask
    first_steps: int

    def parts(self) -> Mapping[str, Stateful]:
        """Return the network, which both have, and the optimiser of each."""
        return {**self.first.parts(), "second_optimiser": self.second.parts()["optimiser"]}

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Do a step of the stage that it belongs to."""
        if number <= self.first_steps:
            return self.first.step(number)
        return self.second.step(number - self.first_steps)
