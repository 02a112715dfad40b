"""What is minimised: how far one step of the student is from two of its teacher.

T. Salimans and J. Ho, Progressive Distillation, https://arxiv.org/abs/2202.00512, algorithm 2. The
first teacher is guided, so that the student needs no guidance (C. Meng et al.,
https://arxiv.org/abs/2210.03142, stage one, for one guidance).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch

from chalicelib.inference.diffusion import visited_steps
from models.common.supervised import Batch
from models.networks.denoiser import schedule
from models.networks.denoiser.prompts import taken
from models.recipes.diffusion_distilled.parameters import Parameters

Velocity = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Given pictures, steps and tokens, returns velocities."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One halving: a teacher of twice `steps`, with its guidance, 1 for none."""

    teacher: Velocity
    steps: int
    guidance: float


def measured(
    student: Velocity, stage: Stage, batch: Batch, parameters: Parameters
) -> Mapping[str, torch.Tensor]:
    """Return the loss: |velocity to where two steps lead - predicted|^2, mean of pixels.

    `error_left` is the loss as a share of the teacher's own, were it to take one step for two.
    Batches are as in training: pictures, captions' tokens, counts.
    """
    images, captions, counts = batch
    count = len(images)
    tokens = taken(captions, counts, parameters.drop_caption)
    places = torch.randint(stage.steps, (count,))
    noise = torch.randn(images.shape).to(images.device)
    step, kept = _at(2 * places, stage, parameters, images.device)
    middle, kept_middle = _at(2 * places + 1, stage, parameters, images.device)
    _, kept_after = _at(2 * places + 2, stage, parameters, images.device)
    seen = schedule.noised(images, noise, kept)
    with torch.no_grad():
        first = _guided(stage, seen, step, tokens)
        halfway = schedule.back(seen, first, kept, kept_middle)
        second = _guided(stage, halfway, middle, tokens)
        after = schedule.back(halfway, second, kept_middle, kept_after)
        wanted = schedule.between(seen, after, kept, kept_after)
        unlearned = (first - wanted).square().mean()
    loss = (student(seen, step, tokens) - wanted).square().mean()
    return {"loss": loss, "error_left": loss / unlearned}


def _at(
    places: torch.Tensor, stage: Stage, parameters: Parameters, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the step at each place of the teacher's grid, and what is kept there."""
    steps, shares = _visited(parameters.noise_steps, 2 * stage.steps)
    return steps[places].to(device), shares[places].to(device)


@cache
def _visited(noise_steps: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the steps of a grid and what is kept at each; after the last one everything is."""
    visited = torch.tensor(visited_steps(noise_steps, steps))
    shares = schedule.kept_shares(noise_steps)[visited]
    return torch.cat([visited, torch.zeros(1).long()]), torch.cat([shares, torch.ones(1)])


def _guided(
    stage: Stage, seen: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
) -> torch.Tensor:
    if stage.guidance == 1:
        return stage.teacher(seen, step, tokens)
    both = stage.teacher(
        torch.cat([seen, seen]),
        torch.cat([step, step]),
        torch.cat([tokens, torch.zeros_like(tokens)]),
    )
    wanted, unwanted = both.chunk(2)
    return unwanted + stage.guidance * (wanted - unwanted)
