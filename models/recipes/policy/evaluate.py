"""Judges the policy: how well it knows reviews that it never saw, and what it writes itself."""

from __future__ import annotations

import torch

from models.common import seeds
from models.common.family import Evaluation
from models.common.pairs import Preferences
from models.judging.sentiment import judged, rates
from models.networks.decoder import log_probabilities
from models.networks.reviews import asked, laid_out
from models.networks.rollouts import write
from models.recipes.policy.parameters import Parameters

DRAWN = 1000
_PLACE = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Preferences, parameters: Parameters) -> Evaluation:
    """Return numbers: `perplexity` of held-out completions; of 1,000 that are drawn for held-out
    prompts the share that is positive, that ended, and that reads as a review, by a list of words
    and a rule.
    """
    held_out = laid_out(
        data.vocabulary,
        [(each.prompt, each.completion) for each in data.test_reviews],
        parameters.context,
    )
    told = log_probabilities(network, held_out.ids) * held_out.answered
    perplexity = torch.exp(-told.sum() / held_out.answered.sum())
    prompts, begun = asked(data.vocabulary, data.test_reviews, parameters.context, parameters.most)
    stream = seeds.generator(parameters.seed, _PLACE)
    written = write(network, prompts[:DRAWN], begun[:DRAWN], parameters.most, stream)
    verdicts = [
        judged(data.vocabulary.text(ids), ended)
        for ids, ended in zip(written.completions(), written.ended.tolist(), strict=True)
    ]
    return Evaluation({"perplexity": float(perplexity), **rates(verdicts)})
