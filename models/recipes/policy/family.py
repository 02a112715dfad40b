"""The policy as a recipe."""

from __future__ import annotations

from models.common import pairs
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.pairs import Preferences
from models.common.supervised import learned
from models.networks.decoder import decoder
from models.networks.decoding_graph import constants, graphs
from models.networks.reviews import laid_out
from models.recipes.policy.evaluate import evaluate
from models.recipes.policy.loss import loss
from models.recipes.policy.parameters import Parameters


def task(setup: Setup[Parameters, Preferences]) -> Task:
    """Return the training of a decoder on the channel's reviews. Raises BadData."""
    parameters, data = setup.parameters, setup.data
    data.hold(parameters.vocabulary)
    texts = [(each.prompt, each.completion) for each in data.train_reviews]
    rows = laid_out(data.vocabulary, texts, parameters.context)
    return learned(setup, loss, rows.tensors)


FAMILY: Family[Parameters, Preferences] = Family(
    parameters=Parameters,
    load=pairs.read,
    network=decoder,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=pairs.files,
)
