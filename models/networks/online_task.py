"""PPO, RLOO and GRPO: learning from a policy's own completions, as a training task.

A step draws completions of a batch of prompts, rewards them, and takes a few optimiser steps on the
clipped objective. The methods differ in the advantage, and in where the divergence from the
reference comes in: PPO takes it off the reward of each token, RLOO off the reward of the whole,
GRPO adds it to the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

import torch
from torch import nn

from models.networks.online_settings import OnlineMethod, OnlineSettings, ValueSettings
from models.networks.preference_losses import (
    clipped_objective,
    divergence,
    generalised_advantages,
    group_relative,
    leave_one_out,
    masked_mean,
    whiten,
)
from models.training.checkpoints import Stateful
from models.training.devices import Device
from models.training.learned_weights import LearnedWeights
from models.training.memory import require_whole_batches
from models.training.process_group import ProcessGroup
from models.training.supervised_task import adamw, learning_rate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Rollout(Generic[T]):
    """Drawn completions with their rewards, [n].

    `mask` is 1 for their tokens and 0 for padding, and `reference` their log p by the policy that
    one began with, [n, length] each. `ended` is the share that came to its end.
    """

    drawn: T
    mask: torch.Tensor
    rewards: torch.Tensor
    reference: torch.Tensor
    ended: torch.Tensor | float


@dataclass(frozen=True, slots=True)
class TokenValues:
    """Log p of each token by the policy that drew, and what the value head expected before it.

    Both are [n, length].
    """

    log_p: torch.Tensor
    values: torch.Tensor

    def apart(self, rollout: Rollout[T]) -> torch.Tensor:
        """Return log policy - log reference of each token; its sum over a row estimates the KL."""
        return (self.log_p - rollout.reference) * rollout.mask


class RolloutSource(Protocol[T]):
    """Draws completions by the policy that learns, and reads them again."""

    def draw(self, number: int) -> Rollout[T]:
        """Return the rewarded completions of step `number`."""

    def read(self, drawn: T) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log p and value of each token, [n, length], by the policy as it is now."""


@dataclass(slots=True)
class OnlineTask(Generic[T]):
    """Trains a network by the rewards of what `source` draws from it.

    Layers are as they serve, without dropout: what learns has to be what draws.
    """

    network: nn.Module
    source: RolloutSource[T]
    method: OnlineMethod
    settings: OnlineSettings
    device: Device
    group: ProcessGroup = field(default_factory=ProcessGroup)
    _optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        """Move the network to the device and begin the optimiser. Raises BadRecipe."""
        require_whole_batches(self.settings)
        self.network.to(self.device.torch).eval()
        self._optimiser = adamw(self.network, self.settings, self.device)

    def parts(self) -> Mapping[str, Stateful]:
        """Return what learns, and the optimiser."""
        return {"network": LearnedWeights(self.network), "optimiser": self._optimiser}

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Draw, reward, and take `passes` optimiser steps."""
        for each in self._optimiser.param_groups:
            each["lr"] = learning_rate(self.settings, number)
        with torch.no_grad(), self._precision():
            rollout = self.source.draw(number)
        now, values = self._read(rollout)
        # The policy of the first pass is the one that drew.
        before = TokenValues(now.detach(), values.detach())
        advantages, targets = token_advantages(rollout, before, self.method, self.settings)
        losses = []
        for number_of_pass in range(self.settings.passes):
            if number_of_pass:
                now, values = self._read(rollout)
            loss = self._policy_loss(rollout, now, before, advantages)
            if isinstance(self.settings, ValueSettings) and self.method == "ppo":
                apart = (values - targets).square()
                loss = loss + self.settings.value_weight * masked_mean(apart, rollout.mask)
            losses.append(self._learn(loss))
        return {
            "loss": torch.stack(losses).mean(),
            "reward": rollout.rewards.mean(),
            "kl": before.apart(rollout).sum(1).mean(),
            "ended": rollout.ended,
            "tokens": rollout.mask.sum(1).mean(),
        }

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self.device.kind, torch.bfloat16, enabled=self.settings.precision == "bf16"
        )

    def _read(self, rollout: Rollout[T]) -> tuple[torch.Tensor, torch.Tensor]:
        with self._precision():
            return self.source.read(rollout.drawn)

    def _policy_loss(
        self,
        rollout: Rollout[T],
        now: torch.Tensor,
        before: TokenValues,
        advantages: torch.Tensor,
    ) -> torch.Tensor:
        p, mask = self.settings, rollout.mask
        loss = masked_mean(clipped_objective(now, before.log_p, advantages, p.clip), mask)
        if self.method == "grpo":
            loss = loss + p.beta * masked_mean(divergence(now, rollout.reference), mask)
        return loss

    def _learn(self, loss: torch.Tensor) -> torch.Tensor:
        """Take an optimiser step and return the loss."""
        self._optimiser.zero_grad()
        loss.backward()
        self.group.average(self.network.parameters())
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.settings.clip_norm)
        self._optimiser.step()
        return loss.detach()


def token_advantages(
    rollout: Rollout[T], before: TokenValues, method: OnlineMethod, settings: OnlineSettings
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the advantage of each token, and the targets of the value head, [n, length] each."""
    p, mask = settings, rollout.mask
    if method == "ppo":
        assert isinstance(settings, ValueSettings)
        last = mask * (mask.flip(1).cumsum(1).flip(1) == 1)
        rewards = last * rollout.rewards[:, None] - p.beta * before.apart(rollout)
        found = generalised_advantages(rewards, before.values, mask, settings.smoothing)
        return whiten(found, mask), found + before.values
    if method == "rloo":
        whole = leave_one_out(rollout.rewards - p.beta * before.apart(rollout).sum(1), p.samples)
    else:
        whole = group_relative(rollout.rewards, p.samples)
    return whole[:, None] * mask, before.values
