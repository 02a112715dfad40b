"""The language model as a recipe."""

from __future__ import annotations

import torch

from models.common import text
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.supervised import learned
from models.common.text import Text
from models.recipes.language_model.evaluate import evaluate
from models.recipes.language_model.export import constants, files, graphs
from models.recipes.language_model.loss import loss
from models.recipes.language_model.network import network
from models.recipes.language_model.parameters import Parameters


def task(setup: Setup[Parameters, Text]) -> Task:
    """Return the training on the channel's text. Raises BadData."""
    parameters = setup.parameters
    setup.data.hold(parameters.vocabulary)
    rows = torch.from_numpy(text.rows(setup.data.train, parameters.context + 1))
    return learned(setup, loss, [rows])


FAMILY: Family[Parameters, Text] = Family(
    parameters=Parameters,
    load=text.read,
    network=network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
