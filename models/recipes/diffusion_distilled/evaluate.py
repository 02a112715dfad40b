"""Judges a distilled model by what it draws of captions in its few steps."""

from __future__ import annotations

from torch import nn

from models.common.captions import Captioned
from models.common.family import Evaluation
from models.judging import captioned
from models.networks.denoiser.drawing import hand
from models.networks.denoiser.network import Averaged
from models.recipes.diffusion_distilled.parameters import Parameters


def evaluate(network: nn.Module, data: Captioned, parameters: Parameters) -> Evaluation:
    """Return the numbers of `captioned.judged`, drawn as a server does unless asked otherwise."""
    assert isinstance(network, Averaged)
    return captioned.judged(hand(network.drawing, parameters), data, parameters.prompt_tokens)
