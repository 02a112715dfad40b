"""Judges an autoencoder: what it keeps of pictures it never saw, and what it draws."""

from __future__ import annotations

import numpy as np
import torch

from models.common import pictures, seeds
from models.common.family import Evaluation
from models.common.images import Images, Split, from_network
from models.judging.pictures import frechet, judge_of
from models.recipes.vae.loss import kl
from models.recipes.vae.network import Autoencoder
from models.recipes.vae.parameters import Parameters

DRAWN = 500
_SHOWN = 10
_PLACE = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Images, parameters: Parameters) -> Evaluation:
    """Return numbers and a picture.

    `reconstruction_mse` is of pixels from -1 to 1, `test_kl` in nats. `recognised` is the share of
    held-out pictures whose class the judge still tells from what was decoded of them, of those that
    it tells from the picture. `classes_drawn` counts the classes among 500 draws, and `fid` is the
    Fréchet distance of those to the pictures that were trained on, by the judge's features.
    """
    assert isinstance(network, Autoencoder)
    judge = judge_of(data)
    real = torch.from_numpy(data.test.scaled())
    mean, log_variance = network.encode(real)
    decoded = network.decode(mean)
    stream = seeds.generator(parameters.seed, _PLACE)
    drawn = from_network(
        network.decode(torch.randn(DRAWN, parameters.latent, generator=stream)).numpy()
    )
    kept = from_network(decoded.numpy())
    known = judge.classes(data.test.images) == data.test.labels
    told = judge.classes(kept) == data.test.labels
    numbers = {
        "reconstruction_mse": float((decoded - real).square().mean()),
        "test_kl": float(kl(mean, log_variance).mean()),
        "recognised": float(told[known].mean()),
        "classes_drawn": float(len(np.unique(judge.classes(drawn)))),
        "fid": frechet(judge.features(drawn), judge.features(data.train.images)),
        "judge_accuracy": judge.accuracy,
    }
    walked = from_network(walk(network, mean, data.test).numpy())
    rows = np.concatenate([data.test.images[:_SHOWN], kept[:_SHOWN], drawn[: 2 * _SHOWN], walked])
    squares = (decoded - real).square().flatten(1).mean(1).numpy().astype(np.float64)
    scores = {"reconstruction_mse": squares, "recognised": told[known].astype(np.float64)}
    return Evaluation(numbers, {"samples": pictures.grid(rows, _SHOWN)}, scores)


def walk(network: Autoencoder, means: torch.Tensor, split: Split) -> torch.Tensor:
    """Return ten pictures on the straight line from the first 0 to the first 7 that are held out,
    or from the first picture to the last where there are none.
    """
    zeros, sevens = np.flatnonzero(split.labels == 0), np.flatnonzero(split.labels == 7)
    ends = (int(zeros[0]), int(sevens[0])) if len(zeros) and len(sevens) else (0, -1)
    share = torch.linspace(0, 1, _SHOWN)[:, None]
    return network.decode(means[ends[0]] * (1 - share) + means[ends[1]] * share)
