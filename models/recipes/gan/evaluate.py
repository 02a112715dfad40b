"""Judges what a generator draws: whether it is like real pictures, and like all of them."""

from __future__ import annotations

import numpy as np
import torch

from models.common import pictures, seeds
from models.common.family import Evaluation
from models.common.images import Images, from_network
from models.judging.coverage import coverage
from models.judging.pictures import frechet, judge_of
from models.recipes.gan.network import Adversaries
from models.recipes.gan.parameters import Parameters

DRAWN = 500
_COLUMNS, _SHOWN = 10, 50
_PLACE = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Images, parameters: Parameters) -> Evaluation:
    """Return numbers and a picture: a row of real ones, then draws.

    Of 500 draws, by a judge that trained with neither network: `classes_drawn` counts the classes
    among them and `rarest_class` is the share of the rarest; `fid` is the Fréchet distance to the
    pictures that were trained on, `precision` the share of draws that are among held-out pictures,
    and `recall` the share of those that are among the draws.
    """
    assert isinstance(network, Adversaries)
    judge = judge_of(data)
    stream = seeds.generator(parameters.seed, _PLACE)
    latents = torch.randn(DRAWN, parameters.latent, generator=stream)
    drawn = from_network(network(latents).numpy())
    shares = np.bincount(judge.classes(drawn), minlength=len(data.names)) / DRAWN
    ours = judge.features(drawn)
    covered = coverage(judge.features(data.test.images), ours)
    numbers = {
        "classes_drawn": float(np.count_nonzero(shares)),
        "rarest_class": float(shares.min()),
        "fid": frechet(ours, judge.features(data.train.images)),
        "precision": float(covered.precise.mean()),
        "recall": float(covered.recalled.mean()),
        "judge_accuracy": judge.accuracy,
    }
    rows = np.concatenate([data.test.images[:_COLUMNS], drawn[:_SHOWN]])
    scores = {"recall": covered.recalled.astype(np.float64)}
    return Evaluation(numbers, {"samples": pictures.grid(rows, _COLUMNS)}, scores)
