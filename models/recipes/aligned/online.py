"""Texts that a small policy draws and a reward scores, for learning from them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from models.networks.decoder import log_probabilities
from models.networks.online_task import OnlineTask, Rollout
from models.networks.rollouts import CompletionRows, draw_completions
from models.recipes.aligned.network import AlignedPolicy
from models.recipes.aligned.parameters import Parameters
from models.recipes.aligned.rewards import RewardFunction
from models.training.devices import Device
from models.training.process_group import ProcessGroup
from models.training.supervised_task import Batches


@dataclass(frozen=True, slots=True)
class TextRollouts:
    """Draws completions of batches of prompts and their lengths, and rewards them."""

    network: AlignedPolicy
    reward: RewardFunction
    prompts: Batches
    parameters: Parameters
    device: Device

    def draw(self, number: int) -> Rollout[CompletionRows]:
        """Return completions of step `number`."""
        prompts, begun = (
            each.repeat_interleave(self.parameters.group, dim=0).to(self.device.torch)
            for each in self.prompts.at(number)
        )
        written = draw_completions(self.network.policy, prompts, begun, self.parameters.most)
        reference = log_probabilities(self.network.reference, written.ids)
        return Rollout(
            written,
            written.answered,
            self.reward(written),
            reference,
            written.ended.float().mean(),
        )

    def read(self, drawn: CompletionRows) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log p and value of each token, [n, length - 1]."""
        return self.network.read(drawn.ids)


def online_task(
    network: AlignedPolicy,
    reward: RewardFunction,
    prompts: Batches,
    parameters: Parameters,
    device: Device,
    group: ProcessGroup | None = None,
) -> OnlineTask[CompletionRows]:
    """Return the training of a policy by `reward`. Raises BadRecipe."""
    assert parameters.method != "dpo"
    source = TextRollouts(network, reward, prompts, parameters, device)
    return OnlineTask(
        network, source, parameters.method, parameters, device, group or ProcessGroup()
    )
