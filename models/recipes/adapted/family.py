"""Adapting as a recipe: it begins from a language model, and is exported as one."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common import instructions
from models.common.artefacts import Trained
from models.common.family import Family, Setup
from models.common.instructions import Instructions
from models.common.loop import Task
from models.common.supervised import learned
from models.networks.adapting import Adapted
from models.recipes.adapted.evaluate import evaluate
from models.recipes.adapted.export import constants, files, graphs
from models.recipes.adapted.loss import objective
from models.recipes.adapted.network import network, prefix
from models.recipes.adapted.parameters import Parameters

BASE = "base"


def begin(model: torch.nn.Module, bases: Mapping[str, Trained]) -> None:
    """Take the language model's weights. Raises BadData where they are of other sizes."""
    assert isinstance(model, Adapted)
    model.begin(bases[BASE])


def task(setup: Setup[Parameters, Instructions]) -> Task:
    """Return the training on the channel's tasks. Raises BadData."""
    parameters, model = setup.parameters, setup.network
    assert isinstance(model, Adapted)
    setup.data.hold(parameters.vocabulary)
    model.hold(setup.data.file)
    rows = setup.data.encoded(parameters.context - len(prefix(parameters)))
    given = [torch.from_numpy(rows.tokens), torch.from_numpy(rows.answers)]
    return learned(setup, objective(parameters), given)


FAMILY: Family[Parameters, Instructions] = Family(
    parameters=Parameters,
    load=instructions.read,
    network=network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
