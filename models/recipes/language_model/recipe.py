"""The recipe `language_model`: a small decoder trained on text."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from transformers import LlamaForCausalLM

from models.data import text
from models.data.text import TOKENIZER, TextChannel
from models.evaluation import perplexity
from models.evaluation.intervals import mean_interval
from models.networks.decoder import (
    decoder,
    decoder_constants,
    decoder_graphs,
    log_probabilities,
    surprises,
)
from models.recipes.language_model.parameters import Parameters
from models.training.loop import TrainingTask
from models.training.recipe_code import Evaluation, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, loss_task


def make_network(parameters: Parameters) -> LlamaForCausalLM:
    """Return a new decoder; its weights are drawn from torch's global stream."""
    return decoder(parameters)


def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean -log p(token | earlier tokens) of rows [n, context + 1]."""
    return {"loss": -log_probabilities(network, batch[0]).mean()}


JUDGED = 51_600
"""Tokens, at most."""


def evaluate(network: torch.nn.Module, data: TextChannel, parameters: Parameters) -> Evaluation:
    """Return perplexity with its baselines, and the surprise of each row.

    `perplexity` is exp of the mean surprise of held-out tokens, with the bounds of a bootstrap over
    rows; `bits_per_byte` says the same for any tokenizer. `perplexity_of_pairs` and
    `perplexity_of_tokens` are those of counts of what was trained on.
    """
    p = parameters
    held_out = perplexity.held_out_rows(data.test, p.context + 1, JUDGED)
    surprise = surprises(network, torch.from_numpy(held_out)).double().numpy()
    bounds = mean_interval(surprise)
    nats = float(surprise.mean())
    pairs = perplexity.bigram_surprise(data.train, held_out, p.vocabulary)
    tokens = perplexity.unigram_surprise(data.train, held_out, p.vocabulary)
    numbers = {
        "perplexity": perplexity.perplexity(nats),
        "perplexity_low": perplexity.perplexity(bounds.low),
        "perplexity_high": perplexity.perplexity(bounds.high),
        "bits_per_byte": perplexity.bits_per_byte(nats, len(data.test), data.test_bytes),
        "surprise": nats,
        "perplexity_of_pairs": perplexity.perplexity(float(pairs.mean())),
        "perplexity_of_tokens": perplexity.perplexity(float(tokens.mean())),
    }
    return Evaluation(numbers, scores={"surprise": surprise})


def files(data: TextChannel, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {TOKENIZER: data.file}


def task(setup: TaskSetup[Parameters, TextChannel]) -> TrainingTask:
    """Return the training on the channel's text. Raises BadData."""
    parameters = setup.parameters
    setup.data.require(parameters.vocabulary)
    rows = torch.from_numpy(text.token_rows(setup.data.train, parameters.context + 1))
    return loss_task(setup, loss, [rows])


CODE: RecipeCode[Parameters, TextChannel] = RecipeCode(
    parameters=Parameters,
    load=text.read,
    network=make_network,
    task=task,
    evaluate=evaluate,
    graphs=decoder_graphs,
    constants=decoder_constants,
    files=files,
    validation=text.validation,
)
