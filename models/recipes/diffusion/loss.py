"""What is minimised: the squared error of what is predicted of a picture with noise in it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch, Loss
from models.networks.denoiser import schedule
from models.networks.denoiser.prompts import taken
from models.recipes.diffusion.parameters import Parameters


def objective(parameters: Parameters) -> Loss:
    """Return the loss: |velocity - predicted|^2, mean of pixels and pictures, at steps at random.

    That is Ho et al.'s L_simple (equation 14) over the share of the picture that is left, and so
    weighs noisy steps higher. A batch has pictures, the tokens of each one's captions,
    [n, captions, prompt_tokens], and how many it has, [n]; one caption is taken at random, or none
    (J. Ho and T. Salimans, algorithm 1). `noise_error` is L_simple.
    """
    kept_at = schedule.kept_shares(parameters.noise_steps)

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        images, captions, counts = batch
        device, count = images.device, len(images)
        step = torch.randint(parameters.noise_steps, (count,))
        noise = torch.randn(images.shape).to(device)
        tokens = taken(captions, counts, parameters.drop_caption)
        kept = kept_at[step].to(device)
        wanted = schedule.velocity_of(images, noise, kept)
        seen = schedule.noised(images, noise, kept)
        error = (network(seen, step.to(device), tokens) - wanted).square().flatten(1).mean(1)
        return {"loss": error.mean(), "noise_error": (kept * error).mean()}

    return loss
