"""Judges the language model by text that it never saw, and against counts of tokens and pairs."""

from __future__ import annotations

import math

import torch

from models.common.family import Evaluation
from models.common.text import Text
from models.judging import text as judging
from models.networks.decoder import surprises
from models.recipes.language_model.parameters import Parameters

JUDGED = 51_600
"""Tokens, at most."""


def evaluate(network: torch.nn.Module, data: Text, parameters: Parameters) -> Evaluation:
    """Return numbers, and the surprise of each row.

    `perplexity` is exp of the mean surprise of held-out tokens, with the bounds of a bootstrap over
    rows; `bits_per_byte` says the same for any tokenizer. `perplexity_of_pairs` and
    `perplexity_of_tokens` are those of counts of what was trained on.
    """
    p = parameters
    held_out = judging.held_out(data.test, p.context + 1, JUDGED)
    surprise = surprises(network, torch.from_numpy(held_out)).double().numpy()
    bounds = judging.interval(surprise)
    nats = float(surprise.mean())
    pairs = judging.by_pairs(data.train, held_out, p.vocabulary)
    tokens = judging.by_tokens(data.train, held_out, p.vocabulary)
    numbers = {
        "perplexity": math.exp(nats),
        "perplexity_low": math.exp(bounds.low),
        "perplexity_high": math.exp(bounds.high),
        "bits_per_byte": judging.bits_per_byte(nats, len(data.test), data.test_bytes),
        "surprise": nats,
        "perplexity_of_pairs": math.exp(float(pairs.mean())),
        "perplexity_of_tokens": math.exp(float(tokens.mean())),
    }
    return Evaluation(numbers, scores={"surprise": surprise})
