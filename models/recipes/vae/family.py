"""The autoencoder as a recipe."""

from __future__ import annotations

import torch

from models.common import images
from models.common.family import Family, Setup
from models.common.images import Images
from models.common.loop import Task
from models.common.supervised import learned
from models.recipes.vae.evaluate import evaluate
from models.recipes.vae.export import constants, graphs
from models.recipes.vae.loss import objective
from models.recipes.vae.network import Autoencoder
from models.recipes.vae.parameters import Parameters


def task(setup: Setup[Parameters, Images]) -> Task:
    """Return the training of an autoencoder on the channel's pictures. Raises BadData."""
    parameters = setup.parameters
    setup.data.hold(parameters.side, parameters.channels)
    rows = torch.from_numpy(setup.data.train.scaled())
    return learned(setup, objective(parameters), [rows])


FAMILY: Family[Parameters, Images] = Family(
    parameters=Parameters,
    load=images.read,
    network=Autoencoder,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
)
