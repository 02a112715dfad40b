"""Judges the aligned policy by a list of words and a rule, which no reward knows of, and by how far
it went from where it began. So a policy that only pleases its reward is found out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from models.common import seeds
from models.common.family import Evaluation
from models.common.pairs import Preferences, Vocabulary
from models.judging.sentiment import Verdict, judged, rates
from models.networks.decoder import logits
from models.networks.reviews import asked
from models.networks.rollouts import Written, write
from models.recipes.aligned.network import Aligned
from models.recipes.aligned.parameters import Parameters

DRAWN = 1000
_PLACE = 2**31
_TWO_SIDED = 1.96


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Preferences, parameters: Parameters) -> Evaluation:
    """Return numbers of 1,000 completions of held-out prompts, and of as many of the reference.

    `positive_rate` is the share that ended with more good words than bad ones, `positive_rate_low`
    the lower end of its 95% interval, `well_formed` the share that reads as a review, `distinct`
    that of different texts. `kl` is of whole completions, in nats, KL(policy || reference), and
    `kl_high` the upper end of its 95% interval. `reward` is the reward model's mean score.
    """
    assert isinstance(network, Aligned)
    prompts, begun = asked(
        data.vocabulary, data.test_pairs[:DRAWN], parameters.context, parameters.most
    )

    def drawn(policy: torch.nn.Module) -> Written:
        stream = seeds.generator(parameters.seed, _PLACE)
        return write(policy, prompts, begun, parameters.most, stream)

    ours, theirs = drawn(network.policy), drawn(network.reference)
    verdicts = verdicts_on(ours, data.vocabulary)
    apart = divergences(network, ours)
    spread = float(apart.std()) / len(apart) ** 0.5
    texts = {tuple(each) for each in ours.completions()}
    return Evaluation(
        {
            **rates(verdicts),
            "kl": float(apart.mean()),
            "kl_high": float(apart.mean()) + _TWO_SIDED * spread,
            "reward": float(network.reward(ours.ids, ours.mask).mean()),
            "distinct": len(texts) / len(verdicts),
            **rates(verdicts_on(theirs, data.vocabulary), "reference_"),
            "reference_reward": float(network.reward(theirs.ids, theirs.mask).mean()),
        },
        scores={
            "positive_rate": np.array([each.positive for each in verdicts], np.float64),
            "well_formed": np.array([each.formed for each in verdicts], np.float64),
            "kl": apart.double().numpy(),
        },
    )


def verdicts_on(written: Written, vocabulary: Vocabulary) -> list[Verdict]:
    """Return the judge's verdict on each completion."""
    rows = zip(written.completions(), written.ended.tolist(), strict=True)
    return [judged(vocabulary.text(ids), ended) for ids, ended in rows]


def divergences(network: Aligned, written: Written) -> torch.Tensor:
    """Return for each row the sum over its completion of KL(policy || reference) of the next token,
    [n]; their mean over what the policy wrote is the KL of whole completions.
    """
    ours = functional.log_softmax(logits(network.policy, written.ids[:, :-1]), dim=2)
    theirs = functional.log_softmax(logits(network.reference, written.ids[:, :-1]), dim=2)
    each = (ours.exp() * (ours - theirs)).sum(2)
    return (each * written.answered).sum(1)
