"""The training of generator and critic in turn, with an alarm for mode collapse.

A step of the loop is one step of the generator, after some of the critic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from models.failures import ModeCollapse
from models.recipes.gan import network
from models.recipes.gan.network import Adversaries
from models.recipes.gan.parameters import Parameters
from models.training.checkpoints import Stateful
from models.training.devices import Device
from models.training.memory import require_whole_batches
from models.training.process_group import ProcessGroup
from models.training.supervised_task import Batches, adamw, learning_rate

_SECOND_BETA = 0.999


@dataclass(slots=True)
class CollapseAlarm:
    """Ends a training whose draws are too much alike for too many steps in a row."""

    bound: float
    patience: int
    below: int = 0

    def see(self, number: int, spread: float, *, low: bool) -> None:
        """Count a step; `low` says that its spread is below the bound.

        Raises:
            ModeCollapse: it was for so many steps.
        """
        self.below = self.below + 1 if low else 0
        if self.below >= self.patience:
            raise ModeCollapse(
                f"Step {number}: the generator collapsed. For {self.below} steps its draws were "
                f"less than {self.bound:g} times as far apart as real pictures are "
                f"(collapse_spread), {spread:.3g} times now. Try objective=wgan-gp, more "
                "critic_steps, a gradient_penalty or a lower learning_rate."
            )

    def state_dict(self) -> dict[str, Any]:
        """Return how many steps in a row were below."""
        return {"below": self.below}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Restore the count."""
        self.below = int(state_dict["below"])


@dataclass(slots=True)
class AdversarialTask:
    """Trains a generator and a critic against each other."""

    network: Adversaries
    batches: Batches
    settings: Parameters
    device: Device
    group: ProcessGroup
    _of_generator: torch.optim.Optimizer = field(init=False)
    _of_critic: torch.optim.Optimizer = field(init=False)
    _alarm: CollapseAlarm = field(init=False)

    def __post_init__(self) -> None:
        """Move the networks to the device and begin their optimisers. Raises BadRecipe."""
        require_whole_batches(self.settings)
        self.network.to(self.device.torch).train()
        self._of_generator = self._optimiser(self.network.generator)
        self._of_critic = self._optimiser(self.network.critic)
        self._alarm = CollapseAlarm(self.settings.collapse_spread, self.settings.collapse_steps)

    def _optimiser(self, network: nn.Module) -> torch.optim.Optimizer:
        betas = (self.settings.momentum, _SECOND_BETA)
        return adamw(network, self.settings, self.device, betas)

    def parts(self) -> Mapping[str, Stateful]:
        """Return the networks, both optimisers and the counters of the alarm."""
        return {
            "network": self.network,
            "generator_optimiser": self._of_generator,
            "critic_optimiser": self._of_critic,
            "alarm": self._alarm,
        }

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Do the critic's steps, then the generator's. Raises ModeCollapse."""
        turns = self.settings.critic_steps
        critic_loss = torch.zeros(())
        real = torch.zeros(())
        for turn in range(turns):
            (rows,) = self.batches.at((number - 1) * turns + turn + 1)
            real = rows.to(self.device.torch)
            critic_loss = self._critic_step(real, number)
        generator_loss, drawn = self._generator_step(len(real), number)
        self.network.averaged.update_parameters(self.network.generator)
        distance, spread = network.energy_distance(real, drawn)
        self.device.end_step()  # all of the step as one graph, before the alarm reads a number
        low = self.group.any(float(spread) < self.settings.collapse_spread)
        self._alarm.see(number, float(spread), low=low)
        return {
            "loss": generator_loss,
            "critic_loss": critic_loss,
            "distance": distance,
            "spread": spread,
        }

    def _critic_step(self, real: torch.Tensor, number: int) -> torch.Tensor:
        critic = self.network.critic.requires_grad_(requires_grad=True)
        with self._precision():
            with torch.no_grad():
                drawn = self._draw(len(real))
            found = network.critic_loss(self.settings, critic, real, drawn)
            if self.settings.gradient_penalty:
                weight = self.settings.gradient_penalty
                found = found + weight * network.gradient_penalty(critic, real, drawn)
        self._follow(found, critic, self._of_critic, number)
        return found.detach()

    def _generator_step(self, count: int, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        critic = self.network.critic.requires_grad_(requires_grad=False)
        with self._precision():
            drawn = self._draw(count)
            found = network.generator_loss(self.settings, critic(drawn))
        self._follow(found, self.network.generator, self._of_generator, number)
        return found.detach(), drawn.detach()

    def _draw(self, count: int) -> torch.Tensor:
        latents = torch.randn(count, self.settings.latent).to(self.device.torch)
        drawn: torch.Tensor = self.network.generator(latents)
        return drawn

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self.device.kind, torch.bfloat16, enabled=self.settings.precision == "bf16"
        )

    def _follow(
        self,
        found: torch.Tensor,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        number: int,
    ) -> None:
        """Take one optimiser step on a loss."""
        for each in optimiser.param_groups:
            each["lr"] = learning_rate(self.settings, number)
        optimiser.zero_grad()
        found.backward()
        self.group.average(network.parameters())
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(network.parameters(), self.settings.clip_norm)
        optimiser.step()
