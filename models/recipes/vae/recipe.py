"""The recipe `vae`: a variational autoencoder."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from models.data import images
from models.data.images import Images, Split, from_network
from models.evaluation import figures
from models.evaluation.generator_metrics import generator_metrics
from models.evaluation.image_quality import image_classifier
from models.evaluation.projection import principal_plane
from models.recipes.vae.network import Autoencoder, kl, objective
from models.recipes.vae.parameters import Parameters
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import loss_task

DRAWN = 500


_SHOWN = 10


_EVALUATION_STREAM = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Images, parameters: Parameters) -> Evaluation:
    """Return metrics of reconstructions and of draws, and samples.

    `reconstruction_mse` is of pixels from -1 to 1, `test_kl` in nats. `recognised` is the share of
    held-out pictures whose class the judge still tells from what was decoded of them, of those that
    it tells from the picture. The others are those of `generator_metrics`, of 500 draws, and those
    of the principal components of the held-out pictures' latent means.
    """
    assert isinstance(network, Autoencoder)
    judge = image_classifier(data)
    real = torch.from_numpy(data.test.scaled())
    mean, log_variance = network.encode(real)
    decoded = network.decode(mean)
    stream = seeds.generator(parameters.seed, _EVALUATION_STREAM)
    drawn = from_network(
        network.decode(torch.randn(DRAWN, parameters.latent, generator=stream)).numpy()
    )
    kept = from_network(decoded.numpy())
    known = judge.classes(data.test.images) == data.test.labels
    told = judge.classes(kept) == data.test.labels
    found = generator_metrics(judge, data, drawn)
    numbers = {
        "reconstruction_mse": float((decoded - real).square().mean()),
        "test_kl": float(kl(mean, log_variance).mean()),
        "recognised": float(told[known].mean()),
        **found.numbers,
    }
    walked = from_network(interpolate(network, mean, data.test).numpy())
    rows = np.concatenate([data.test.images[:_SHOWN], kept[:_SHOWN], drawn[: 2 * _SHOWN], walked])
    squares = (decoded - real).square().flatten(1).mean(1).numpy().astype(np.float64)
    scores = {
        "reconstruction_mse": squares,
        "recognised": told[known].astype(np.float64),
        **found.scores,
    }
    plane = principal_plane(mean.numpy(), data.test.labels)
    pictures = {
        "samples": figures.grid(rows, _SHOWN),
        "projection": figures.scatter(plane.coordinates, plane.labels),
    }
    return Evaluation(numbers | plane.numbers(), pictures, scores, judge.fingerprint, plane.files())


def interpolate(network: Autoencoder, means: torch.Tensor, split: Split) -> torch.Tensor:
    """Return ten pictures on the line from the first held-out 0 to the first 7.

    Without those it goes from the first picture to the last.
    """
    zeros, sevens = np.flatnonzero(split.labels == 0), np.flatnonzero(split.labels == 7)
    ends = (int(zeros[0]), int(sevens[0])) if len(zeros) and len(sevens) else (0, -1)
    share = torch.linspace(0, 1, _SHOWN)[:, None]
    return network.decode(means[ends[0]] * (1 - share) + means[ends[1]] * share)


_EXAMPLES_STREAM = 2**31 + 1


class _Encoder(nn.Module):
    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self._network.encode(image)


class _Decoder(nn.Module):
    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self._network = network

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self._network.decode(latent)


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return both graphs; the count of pictures may vary."""
    assert isinstance(network, Autoencoder)
    p = parameters
    stream = seeds.generator(p.seed, _EXAMPLES_STREAM)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, p.channels, p.side, p.side, generator=stream) * 2 - 1

    def latents(count: int) -> torch.Tensor:
        return torch.randn(count, p.latent, generator=stream)

    return {
        "decoder": Graph(
            _Decoder(network),
            inputs=("latent",),
            outputs=("image",),
            examples=(latents(2),),
            trial=(latents(64),),
            varying={"latent": {0: "count"}},
        ),
        "encoder": Graph(
            _Encoder(network),
            inputs=("image",),
            outputs=("mean", "log_variance"),
            examples=(images(2),),
            trial=(images(64),),
            varying={"image": {0: "count"}},
        ),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs: sizes and pixel range."""
    return {
        "latent": parameters.latent,
        "side": parameters.side,
        "channels": parameters.channels,
        "lowest": -1.0,
        "highest": 1.0,
    }


def task(setup: TaskSetup[Parameters, Images]) -> TrainingTask:
    """Return the training of an autoencoder on the channel's pictures. Raises BadData."""
    parameters = setup.parameters
    setup.data.require(parameters.side, parameters.channels)
    rows = torch.from_numpy(setup.data.train.scaled())
    return loss_task(setup, objective(parameters), [rows])


CODE: RecipeCode[Parameters, Images] = RecipeCode(
    parameters=Parameters,
    load=images.read,
    network=Autoencoder,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    validation=images.validation,
)
