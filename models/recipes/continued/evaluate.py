"""Judges continued pre-training by held-out text of the new domain, and by that of the first."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from models.common.domains import Domains
from models.common.family import Evaluation
from models.common.text import Text
from models.judging.text import held_out, interval
from models.networks.adapting import Adapted
from models.networks.decoder import surprises
from models.recipes.continued.parameters import Parameters

JUDGED = 38_700
"""Tokens of a domain, at most."""


def evaluate(network: torch.nn.Module, data: Domains, parameters: Parameters) -> Evaluation:
    """Return perplexities, and the surprise of each row of the new domain.

    `perplexity` is of the new domain's held-out text, `perplexity_began` that of the base;
    `surprise` is the logarithm of the former, in nats.
    `learned` is the latter over the former; `forgotten` is by what factor the perplexity of the
    first domain's held-out text grew. Bounds are of a bootstrap over rows, both models on the same.
    """
    assert isinstance(network, Adapted)

    def judged(text: Text) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        judged_by = torch.from_numpy(held_out(text.test, parameters.context + 1, JUDGED))
        now, began = (surprises(each, judged_by) for each in (network.merged(), network.base))
        return now.double().numpy(), began.double().numpy()

    here, here_began = judged(data.new)
    there, there_began = judged(data.before)
    learned, forgotten = interval(here_began - here), interval(there - there_began)
    numbers = {
        "perplexity": math.exp(here.mean()),
        "perplexity_began": math.exp(here_began.mean()),
        "surprise": float(here.mean()),
        "learned": math.exp((here_began - here).mean()),
        "learned_low": math.exp(learned.low),
        "learned_high": math.exp(learned.high),
        "perplexity_before": math.exp(there.mean()),
        "perplexity_before_began": math.exp(there_began.mean()),
        "forgotten": math.exp((there - there_began).mean()),
        "forgotten_low": math.exp(forgotten.low),
        "forgotten_high": math.exp(forgotten.high),
    }
    return Evaluation(numbers, scores={"surprise": here})
