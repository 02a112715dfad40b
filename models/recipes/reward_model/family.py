"""The reward model as a recipe: it begins from the policy's body, and a new head."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.common import pairs
from models.common.artefacts import Trained
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.pairs import Preferences
from models.common.supervised import learned
from models.networks.reviews import laid_pairs
from models.networks.scorer import Scorer
from models.recipes.reward_model.evaluate import evaluate
from models.recipes.reward_model.export import constants, graphs
from models.recipes.reward_model.loss import objective
from models.recipes.reward_model.parameters import Parameters

_BODY = "model."


def network(parameters: Parameters) -> nn.Module:
    """Return a new scorer."""
    return Scorer(parameters, parameters.unended)


def begin(network: nn.Module, bases: Mapping[str, Trained]) -> None:
    """Give the scorer the policy's body."""
    assert isinstance(network, Scorer)
    weights = bases["policy"].weights
    network.body.load_state_dict(
        {name.removeprefix(_BODY): each for name, each in weights.items() if name.startswith(_BODY)}
    )


def task(setup: Setup[Parameters, Preferences]) -> Task:
    """Return the training of a scorer on the channel's pairs. Raises BadData."""
    parameters, data = setup.parameters, setup.data
    data.hold(parameters.vocabulary)
    liked, other = laid_pairs(data.vocabulary, data.train_pairs, parameters.context)
    rows = [*liked.tensors, *other.tensors]
    return learned(setup, objective(parameters), rows)


FAMILY: Family[Parameters, Preferences] = Family(
    parameters=Parameters,
    load=pairs.read,
    network=network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=pairs.files,
)
