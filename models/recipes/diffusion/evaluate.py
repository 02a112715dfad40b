"""Judges a diffusion model by what it draws of captions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import nn

from models.common import pictures
from models.common.captions import Captioned
from models.common.family import Evaluation
from models.common.images import from_network
from models.judging import captioned
from models.networks.denoiser.drawing import hand
from models.networks.denoiser.network import Averaged
from models.recipes.diffusion.parameters import Parameters

_STEPS = (1, 2, 5, 10, 20)


def evaluate(network: nn.Module, data: Captioned, parameters: Parameters) -> Evaluation:
    """Return the numbers of `captioned.judged` and `captioned.negated`, drawn as a server does
    unless asked otherwise, and pictures that more and more steps make of the same noise.
    """
    assert isinstance(network, Averaged)
    draw, length = hand(network.drawing, parameters), parameters.prompt_tokens
    drawn, negated = captioned.judged(draw, data, length), captioned.negated(draw, data, length)
    steps = {"steps": by_steps(network, data, parameters)}
    return Evaluation(
        {**drawn.numbers, **negated.numbers},
        {**drawn.pictures, **negated.pictures, **steps},
        drawn.scores,
    )


def by_steps(network: Averaged, data: Captioned, parameters: Parameters) -> NDArray[np.uint8]:
    """Return a row of pictures, one of each class, by each number of steps."""
    tokens, _ = data.tokens("test", parameters.prompt_tokens)
    _, firsts = np.unique(data.images.test.labels, return_index=True)
    prompts = np.ascontiguousarray(tokens[firsts, 0])
    rows = [
        hand(network.drawing, parameters.model_copy(update={"sampling_steps": steps}))(
            prompts, np.zeros_like(prompts)
        )
        for steps in _STEPS
        if steps <= parameters.noise_steps
    ]
    return pictures.grid(from_network(np.concatenate(rows)), len(firsts))
