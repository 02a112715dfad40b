"""PPO, RLOO and GRPO: learning from a policy's own completions, as a training task.

A step draws completions of a batch of prompts, rewards them, and takes a few optimiser steps on the
clipped objective. The methods differ in the advantage, and in where the divergence from the
reference comes in: PPO takes it off the reward of each token, RLOO off the reward of the whole,
GRPO adds it to the loss. PPO alone has a value head, and can adapt the weight of the divergence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import nn

from models.failures import Diverged
from models.networks.online_settings import OnlineMethod, OnlineSettings, PpoSettings
from models.networks.preference_losses import (
    adapted_beta,
    clipped_objective,
    clipped_value_loss,
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
class KlWeight:
    """The weight of the divergence, beta; a part of checkpoints, as it may be adapted."""

    value: float

    def state_dict(self) -> dict[str, Any]:
        """Return the weight."""
        return {"value": self.value}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Restore a weight."""
        self.value = float(state_dict["value"])


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
    _kl_weight: KlWeight = field(init=False)

    def __post_init__(self) -> None:
        """Move the network to the device and begin the optimiser. Raises BadRecipe."""
        self._kl_weight = KlWeight(self.settings.beta)
        require_whole_batches(self.settings)
        self.network.to(self.device.torch).eval()
        self._optimiser = adamw(self.network, self.settings, self.device)

    def parts(self) -> Mapping[str, Stateful]:
        """Return what learns, the optimiser, and the weight of the divergence if it changes."""
        found = {"network": LearnedWeights(self.network), "optimiser": self._optimiser}
        return found if self._kl_target is None else {**found, "kl_weight": self._kl_weight}

    @property
    def _of_ppo(self) -> PpoSettings | None:
        """Return the settings that PPO alone has, if it is PPO that trains."""
        if self.method != "ppo":
            return None
        assert isinstance(self.settings, PpoSettings)
        return self.settings

    @property
    def _kl_target(self) -> float | None:
        return None if self._of_ppo is None else self._of_ppo.kl_target

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Draw, reward, and take `passes` optimiser steps. Raises Diverged."""
        for each in self._optimiser.param_groups:
            each["lr"] = learning_rate(self.settings, number)
        with torch.no_grad(), self._precision():
            rollout = self.source.draw(number)
        now, values = self._read(rollout)
        # The policy of the first pass is the one that drew.
        before = TokenValues(now.detach(), values.detach())
        beta, kl = self._kl_weight.value, before.apart(rollout).sum(1).mean()
        advantages, targets = token_advantages(rollout, before, self.method, self.settings, beta)
        losses, errors = [], []
        for number_of_pass in range(self.settings.passes):
            if number_of_pass:
                now, values = self._read(rollout)
            loss = self._policy_loss(rollout, now, before, advantages)
            if (ppo := self._of_ppo) is not None:
                error = clipped_value_loss(values, before.values, targets, ppo.value_clip)
                errors.append(masked_mean(error, rollout.mask))
                loss = loss + ppo.value_weight * errors[-1]
            losses.append(self._learn(loss, number))
        if self._kl_target is not None:
            self._kl_weight.value = adapted_beta(beta, self.group.mean(float(kl)), self._kl_target)
        return {
            "loss": torch.stack(losses).mean(),
            "reward": rollout.rewards.mean(),
            "kl": kl,
            "ended": rollout.ended,
            "tokens": rollout.mask.sum(1).mean(),
            **({"value_error": errors[0].detach(), "beta": beta} if errors else {}),
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

    def _learn(self, loss: torch.Tensor, number: int) -> torch.Tensor:
        """Take an optimiser step and return the loss. Raises Diverged before weights are lost."""
        self._optimiser.zero_grad()
        loss.backward()
        learned = [each for each in self.network.parameters() if each.grad is not None]
        self.group.average(learned)
        norm = nn.utils.get_total_norm([each.grad for each in learned if each.grad is not None])
        if not bool(norm.isfinite()):
            # What is drawn next would be of no distribution, and fail without a reason.
            raise Diverged(
                f"Step {number} diverged: its gradients are {float(norm)}. Try a lower "
                "learning_rate or a greater beta, and look for rewards that are not finite."
            )
        if self.settings.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(learned, self.settings.clip_norm, norm)
        self._optimiser.step()
        return loss.detach()


def token_advantages(
    rollout: Rollout[T],
    before: TokenValues,
    method: OnlineMethod,
    settings: OnlineSettings,
    beta: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the advantage of each token, and the targets of the value head, [n, length] each.

    `beta` is the weight of the divergence in this step.
    """
    p, mask = settings, rollout.mask
    if method == "ppo":
        assert isinstance(settings, PpoSettings)
        last = mask * (mask.flip(1).cumsum(1).flip(1) == 1)
        rewards = last * rollout.rewards[:, None] - beta * before.apart(rollout)
        found = generalised_advantages(rewards, before.values, mask, settings.smoothing)
        return whiten(found, mask), found + before.values
    if method == "rloo":
        whole = leave_one_out(rollout.rewards - beta * before.apart(rollout).sum(1), p.samples)
    else:
        whole = group_relative(rollout.rewards, p.samples)
    return whole[:, None] * mask, before.values
