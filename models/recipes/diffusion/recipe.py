"""The recipe `diffusion`: pictures from captions."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.data import captions
from models.data.captions import CaptionedImages
from models.data.images import from_network
from models.evaluation import caption_fidelity, figures
from models.networks.denoiser import schedule
from models.networks.denoiser.export import denoiser_constants, denoiser_graphs, draw_function
from models.networks.denoiser.network import (
    AveragedDenoiser,
    caption_rows,
    draw_captions,
    vocabulary_files,
)
from models.recipes.diffusion.parameters import Parameters
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task


def objective(parameters: Parameters) -> Loss:
    """Return the mean |velocity - predicted|^2 over pixels and pictures, at random steps."""
    kept_at = schedule.kept_shares(parameters.noise_steps)

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        images, captions, counts = batch
        device, count = images.device, len(images)
        step = torch.randint(parameters.noise_steps, (count,))
        noise = torch.randn(images.shape).to(device)
        tokens = draw_captions(captions, counts, parameters.drop_caption)
        kept = kept_at[step].to(device)
        wanted = schedule.velocity(images, noise, kept)
        seen = schedule.add_noise(images, noise, kept)
        error = (network(seen, step.to(device), tokens) - wanted).square().flatten(1).mean(1)
        return {"loss": error.mean(), "noise_error": (kept * error).mean()}

    return loss


_STEPS = (1, 2, 5, 10, 20)


def evaluate(network: nn.Module, data: CaptionedImages, parameters: Parameters) -> Evaluation:
    """Return metrics of prompt and negative prompt fidelity, and pictures by steps."""
    assert isinstance(network, AveragedDenoiser)
    draw, length = draw_function(network.drawing, parameters), parameters.prompt_tokens
    drawn, negated = (
        caption_fidelity.prompt_fidelity(draw, data, length),
        caption_fidelity.negative_prompt_effect(draw, data, length),
    )
    steps = {"steps": by_steps(network, data, parameters)}
    return Evaluation(
        {**drawn.numbers, **negated.numbers},
        {**drawn.pictures, **negated.pictures, **steps},
        drawn.scores,
        drawn.judge,
    )


def by_steps(
    network: AveragedDenoiser, data: CaptionedImages, parameters: Parameters
) -> NDArray[np.uint8]:
    """Return a row of pictures, one of each class, by each number of steps."""
    tokens, _ = data.tokens("test", parameters.prompt_tokens)
    _, firsts = np.unique(data.images.test.labels, return_index=True)
    prompts = np.ascontiguousarray(tokens[firsts, 0])
    rows = [
        draw_function(network.drawing, parameters.model_copy(update={"sampling_steps": steps}))(
            prompts, np.zeros_like(prompts)
        )
        for steps in _STEPS
        if steps <= parameters.noise_steps
    ]
    return figures.grid(from_network(np.concatenate(rows)), len(firsts))


def task(setup: TaskSetup[Parameters, CaptionedImages]) -> TrainingTask:
    """Return the training of a denoiser on the channel's pictures. Raises BadData."""
    parameters, network = setup.parameters, setup.network
    assert isinstance(network, AveragedDenoiser)
    return loss_task(
        setup, objective(parameters), caption_rows(setup.data, parameters), after=network.follow
    )


CODE: RecipeCode[Parameters, CaptionedImages] = RecipeCode(
    parameters=Parameters,
    load=captions.read,
    network=AveragedDenoiser,
    task=task,
    evaluate=evaluate,
    graphs=denoiser_graphs,
    constants=denoiser_constants,
    files=vocabulary_files,
)
