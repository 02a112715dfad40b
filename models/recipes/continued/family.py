"""Continued pre-training as a recipe: it begins from a language model, and is exported as one.

S. Gururangan et al., Don't stop pretraining, https://arxiv.org/abs/2004.10964
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common import domains, seeds
from models.common.artefacts import Trained
from models.common.domains import Domains
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.supervised import Batches, LossTask
from models.common.text import rows
from models.networks.adapting import Adapted
from models.recipes.continued.evaluate import evaluate
from models.recipes.continued.export import constants, files, graphs
from models.recipes.continued.loss import loss
from models.recipes.continued.network import network
from models.recipes.continued.parameters import Parameters

BASE = "base"
_PLACE = 2**31 + 3


def begin(model: torch.nn.Module, bases: Mapping[str, Trained]) -> None:
    """Take the language model's weights. Raises BadData where they are of other sizes."""
    assert isinstance(model, Adapted)
    model.begin(bases[BASE])


def mixed(data: Domains, parameters: Parameters) -> torch.Tensor:
    """Return rows of both domains, [n, context + 1], so many of the first as `replay` says.

    Raises:
        BadData: a domain fills no row.
    """
    new = torch.from_numpy(rows(data.new.train, parameters.context + 1))
    before = torch.from_numpy(rows(data.before.train, parameters.context + 1))
    share = parameters.replay / (1 - parameters.replay)
    drawn = seeds.generator(parameters.seed, _PLACE)
    chosen = torch.randint(len(before), (round(len(new) * share),), generator=drawn)
    return torch.cat([new, before[chosen]])


def task(setup: Setup[Parameters, Domains]) -> Task:
    """Return the training on the channel's texts. Raises BadData."""
    parameters, model = setup.parameters, setup.network
    assert isinstance(model, Adapted)
    setup.data.new.hold(parameters.vocabulary)
    model.hold(setup.data.new.file)
    given = Batches([mixed(setup.data, parameters)], parameters, setup.group)
    return LossTask(model, loss, given, parameters, setup.device, setup.group)


FAMILY: Family[Parameters, Domains] = Family(
    parameters=Parameters,
    load=domains.read,
    network=network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
