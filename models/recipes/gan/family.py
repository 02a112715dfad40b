"""The adversarial networks as a recipe."""

from __future__ import annotations

import torch

from models.common import images
from models.common.failures import BadRecipe
from models.common.family import Family, Setup
from models.common.images import Images
from models.common.loop import Task
from models.common.supervised import Batches
from models.recipes.gan.contest import Contest
from models.recipes.gan.evaluate import evaluate
from models.recipes.gan.export import constants, graphs
from models.recipes.gan.network import Adversaries
from models.recipes.gan.parameters import Parameters

_FEWEST = 2
"""Rows a process, for batch normalisation and for distances within a batch."""


def task(setup: Setup[Parameters, Images]) -> Task:
    """Return the contest over the channel's pictures.

    Raises:
        BadData: the pictures are of another size, or fewer than a batch.
        BadRecipe: a process has one row a step, whose spread is nothing.
    """
    parameters = setup.parameters
    setup.data.hold(parameters.side, parameters.channels)
    if setup.group.share(parameters.batch) < _FEWEST:
        raise BadRecipe(
            f"batch: is {parameters.batch} for {setup.group.size} processes, and has to be "
            f"{_FEWEST * setup.group.size} at least, since draws are compared with each other."
        )
    assert isinstance(setup.network, Adversaries)
    rows = torch.from_numpy(setup.data.train.scaled())
    batches = Batches([rows], parameters, setup.group)
    return Contest(setup.network, batches, parameters, setup.device, setup.group)


FAMILY: Family[Parameters, Images] = Family(
    parameters=Parameters,
    load=images.read,
    network=Adversaries,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
)
