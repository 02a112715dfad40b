"""The recipe `continued`: pre-training of a language model on a second domain.

S. Gururangan et al., Don't stop pretraining, https://arxiv.org/abs/2004.10964
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from models.data import text
from models.data.text import TOKENIZER, TextChannel, TextDomains, token_rows
from models.evaluation.intervals import mean_interval
from models.evaluation.perplexity import held_out_rows, perplexity
from models.networks import decoder
from models.networks.adapted_decoder import AdaptedDecoder
from models.networks.decoder import log_probabilities, surprises
from models.recipes.continued.parameters import Parameters
from models.training import seeds
from models.training.artefacts import TrainedModel
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Batches, LossTask


def make_network(parameters: Parameters) -> AdaptedDecoder:
    """Return a decoder all of whose weights learn."""
    return AdaptedDecoder(parameters, lambda plain: plain)


def loss(model: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean -log p(token | those before it) of rows [n, context + 1]."""
    assert isinstance(model, AdaptedDecoder)
    return {"loss": -log_probabilities(model.tuned, batch[0]).mean()}


JUDGED = 38_700
"""Tokens of a domain, at most."""


def evaluate(network: torch.nn.Module, data: TextDomains, parameters: Parameters) -> Evaluation:
    """Return perplexities, and the surprise of each row of the new domain.

    `perplexity` is of the new domain's held-out text, `perplexity_began` that of the base;
    `surprise` is the logarithm of the former, in nats.
    `learned` is the latter over the former; `forgotten` is by what factor the perplexity of the
    first domain's held-out text grew. Bounds are of a bootstrap over rows, both models on the same.
    """
    assert isinstance(network, AdaptedDecoder)

    def judged(text: TextChannel) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        judged_by = torch.from_numpy(held_out_rows(text.test, parameters.context + 1, JUDGED))
        now, began = (surprises(each, judged_by) for each in (network.merged(), network.base))
        return now.double().numpy(), began.double().numpy()

    here, here_began = judged(data.new)
    there, there_began = judged(data.before)
    learned, forgotten = mean_interval(here_began - here), mean_interval(there - there_began)
    numbers = {
        "perplexity": perplexity(here.mean()),
        "perplexity_began": perplexity(here_began.mean()),
        "surprise": float(here.mean()),
        "learned": perplexity((here_began - here).mean()),
        "learned_low": perplexity(learned.low),
        "learned_high": perplexity(learned.high),
        "perplexity_before": perplexity(there.mean()),
        "perplexity_before_began": perplexity(there_began.mean()),
        "forgotten": perplexity((there - there_began).mean()),
        "forgotten_low": perplexity(forgotten.low),
        "forgotten_high": perplexity(forgotten.high),
    }
    return Evaluation(numbers, scores={"surprise": here})


def graphs(model: torch.nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the decoder's graph."""
    assert isinstance(model, AdaptedDecoder)
    return decoder.decoder_graphs(model.merged(), parameters)


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs."""
    return decoder.decoder_constants(parameters)


def files(data: TextDomains, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer, which is the base's."""
    return {TOKENIZER: data.new.file}


BASE = "base"
_REPLAY_STREAM = 2**31 + 3


def begin(model: torch.nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the language model's weights. Raises BadData if their sizes differ."""
    assert isinstance(model, AdaptedDecoder)
    model.begin(bases[BASE])


def mixed(data: TextDomains, parameters: Parameters) -> torch.Tensor:
    """Return rows of both domains, [n, context + 1]; `replay` is the share of the first.

    Raises:
        BadData: a domain fills no row.
    """
    new = torch.from_numpy(token_rows(data.new.train, parameters.context + 1))
    before = torch.from_numpy(token_rows(data.before.train, parameters.context + 1))
    share = parameters.replay / (1 - parameters.replay)
    drawn = seeds.generator(parameters.seed, _REPLAY_STREAM)
    chosen = torch.randint(len(before), (round(len(new) * share),), generator=drawn)
    return torch.cat([new, before[chosen]])


def task(setup: TaskSetup[Parameters, TextDomains]) -> TrainingTask:
    """Return the training on the channel's texts. Raises BadData."""
    parameters, model = setup.parameters, setup.network
    assert isinstance(model, AdaptedDecoder)
    setup.data.new.require(parameters.vocabulary)
    model.require(setup.data.new.file)
    given = Batches([mixed(setup.data, parameters)], parameters, setup.group)
    return LossTask(model, loss, given, parameters, setup.device, setup.group)


CODE: RecipeCode[Parameters, TextDomains] = RecipeCode(
    parameters=Parameters,
    load=text.read_domains,
    network=make_network,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
