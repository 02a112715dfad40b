"""PPO, RLOO and GRPO: learning from the policy's own completions, as a training task.

A step samples completions of a batch of prompts, rewards them, and takes a few optimiser steps on
the clipped objective. The methods differ in the advantage, and in where the divergence from the
reference comes in: PPO takes it off the reward of each token, RLOO off the reward of the whole,
GRPO adds it to the loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from models.networks.decoder import log_probabilities
from models.networks.preference_losses import (
    clipped_objective,
    divergence,
    generalised_advantages,
    group_relative,
    leave_one_out,
    masked_mean,
    whiten,
)
from models.networks.rollouts import CompletionRows, draw_completions
from models.recipes.aligned.network import AlignedPolicy
from models.recipes.aligned.parameters import Parameters
from models.recipes.aligned.rewards import RewardFunction
from models.training.checkpoints import Stateful
from models.training.devices import Device
from models.training.learned_weights import LearnedWeights
from models.training.memory import require_whole_batches
from models.training.process_group import ProcessGroup
from models.training.supervised_task import Batches, adamw, learning_rate


@dataclass(frozen=True, slots=True)
class Rollout:
    """Sampled completions with log probabilities and values, [n, length - 1]; `rewards` [n]."""

    ids: torch.Tensor
    mask: torch.Tensor
    rewards: torch.Tensor
    before: torch.Tensor
    reference: torch.Tensor
    values: torch.Tensor

    @property
    def apart(self) -> torch.Tensor:
        """Return log policy - log reference of each token; its sum over a row estimates the KL."""
        return (self.before - self.reference) * self.mask


@dataclass(slots=True)
class OnlineTask:
    """Trains a policy by `reward` on batches of prompts and their lengths."""

    network: AlignedPolicy
    reward: RewardFunction
    prompts: Batches
    parameters: Parameters
    device: Device
    group: ProcessGroup = field(default_factory=ProcessGroup)
    _optimiser: torch.optim.Optimizer = field(init=False)

    def __post_init__(self) -> None:
        """Move the networks to the device and begin the optimiser. Raises BadRecipe."""
        require_whole_batches(self.parameters)
        self.network.to(self.device.torch).train()
        self._optimiser = adamw(self.network, self.parameters, self.device)

    def parts(self) -> Mapping[str, Stateful]:
        """Return what learns, the policy with its value head, and the optimiser."""
        return {"network": LearnedWeights(self.network), "optimiser": self._optimiser}

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Sample, reward, and take `passes` optimiser steps."""
        for each in self._optimiser.param_groups:
            each["lr"] = learning_rate(self.parameters, number)
        written = self._written(number)
        rollout = self._thought(written)
        advantages, targets = token_advantages(rollout, self.parameters)
        losses = [self._learn(rollout, advantages, targets) for _ in range(self.parameters.passes)]
        return {
            "loss": torch.stack(losses).mean(),
            "reward": rollout.rewards.mean(),
            "kl": rollout.apart.sum(1).mean(),
            "ended": written.ended.float().mean(),
            "tokens": rollout.mask.sum(1).mean(),
        }

    def _written(self, number: int) -> CompletionRows:
        prompts, begun = (
            each.repeat_interleave(self.parameters.group, dim=0).to(self.device.torch)
            for each in self.prompts.at(number)
        )
        with self._precision():
            return draw_completions(self.network.policy, prompts, begun, self.parameters.most)

    def _precision(self) -> torch.autocast:
        return torch.autocast(
            self.device.kind, torch.bfloat16, enabled=self.parameters.precision == "bf16"
        )

    @torch.no_grad()
    def _thought(self, written: CompletionRows) -> Rollout:
        with self._precision():
            before, values = self.network.read(written.ids)
            reference = log_probabilities(self.network.reference, written.ids)
            given = self.reward(written)
        return Rollout(written.ids, written.answered, given, before, reference, values)

    def _learn(
        self, rollout: Rollout, advantages: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        p, mask = self.parameters, rollout.mask
        with self._precision():
            now, values = self.network.read(rollout.ids)
        loss = masked_mean(clipped_objective(now, rollout.before, advantages, p.clip), mask)
        if p.method == "ppo":
            loss = loss + p.value_weight * masked_mean((values - targets).square(), mask)
        if p.method == "grpo":
            loss = loss + p.beta * masked_mean(divergence(now, rollout.reference), mask)
        self._optimiser.zero_grad()
        loss.backward()
        self.group.average(self.network.parameters())
        if p.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), p.clip_norm)
        self._optimiser.step()
        return loss.detach()


def token_advantages(rollout: Rollout, parameters: Parameters) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the advantage of each token, and the targets of the value head.

    Both are [n, length - 1].
    """
    p, mask = parameters, rollout.mask
    if p.method == "ppo":
        last = mask * (mask.flip(1).cumsum(1).flip(1) == 1)
        rewards = last * rollout.rewards[:, None] - p.beta * rollout.apart
        found = generalised_advantages(rewards, rollout.values, mask, p.smoothing)
        return whiten(found, mask), found + rollout.values
    if p.method == "rloo":
        whole = leave_one_out(rollout.rewards - p.beta * rollout.apart.sum(1), p.samples)
    else:
        whole = group_relative(rollout.rewards, p.samples)
    return whole[:, None] * mask, rollout.values
