"""Preferences as a recipe: a policy and a reward model in, a policy that is liked better out."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.common import pairs
from models.common.artefacts import Trained
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.pairs import Preferences
from models.common.supervised import Batches, learned
from models.networks.reviews import asked, laid_pairs
from models.recipes.aligned.evaluate import evaluate
from models.recipes.aligned.export import constants, graphs
from models.recipes.aligned.loss import direct
from models.recipes.aligned.network import Aligned
from models.recipes.aligned.online import Online
from models.recipes.aligned.parameters import Parameters
from models.recipes.aligned.rewards import rewards

Found = Setup[Parameters, Preferences]


def begin(network: nn.Module, bases: Mapping[str, Trained]) -> None:
    """Give policy and reference the base's weights, and the reward model its own."""
    assert isinstance(network, Aligned)
    policy = dict(bases["policy"].weights)
    network.policy.load_state_dict(policy)
    network.reference.load_state_dict(policy)
    network.reward.load_state_dict(dict(bases["reward"].weights))


def task(setup: Found) -> Task:
    """Return the training by the method that is set. Raises BadData and BadRecipe."""
    setup.data.hold(setup.parameters.vocabulary)
    return _direct(setup) if setup.parameters.method == "dpo" else _online(setup)


def _online(setup: Found) -> Task:
    parameters, network = setup.parameters, setup.network
    assert isinstance(network, Aligned)
    prompts = asked(
        setup.data.vocabulary, setup.data.train_pairs, parameters.context, parameters.most
    )
    of_prompts = parameters.model_copy(update={"batch": parameters.batch // parameters.group})
    return Online(
        network,
        rewards(network.reward, parameters),
        Batches(prompts, of_prompts, setup.group),
        parameters,
        setup.device,
        setup.group,
    )


def _direct(setup: Found) -> Task:
    parameters, data = setup.parameters, setup.data
    liked, other = laid_pairs(data.vocabulary, data.train_pairs, parameters.context)
    rows = [*liked.tensors, *other.tensors]
    return learned(setup, direct(parameters), rows)


FAMILY: Family[Parameters, Preferences] = Family(
    parameters=Parameters,
    load=pairs.read,
    network=Aligned,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=pairs.files,
)
