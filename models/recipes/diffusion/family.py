"""The diffusion model as a recipe."""

from __future__ import annotations

from models.common import captions
from models.common.captions import Captioned
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.supervised import learned
from models.networks.denoiser.export import constants, graphs
from models.networks.denoiser.network import Averaged
from models.networks.denoiser.prompts import captioned, files
from models.recipes.diffusion.evaluate import evaluate
from models.recipes.diffusion.loss import objective
from models.recipes.diffusion.parameters import Parameters


def task(setup: Setup[Parameters, Captioned]) -> Task:
    """Return the training of a denoiser on the channel's pictures. Raises BadData."""
    parameters, network = setup.parameters, setup.network
    assert isinstance(network, Averaged)
    return learned(
        setup, objective(parameters), captioned(setup.data, parameters), after=network.follow
    )


FAMILY: Family[Parameters, Captioned] = Family(
    parameters=Parameters,
    load=captions.read,
    network=Averaged,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
