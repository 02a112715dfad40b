"""The recipe `gan`: generative adversarial networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from models.data import images
from models.data.images import Images, from_network
from models.evaluation import figures
from models.evaluation.generator_metrics import generator_metrics
from models.evaluation.image_quality import image_classifier
from models.failures import BadRecipe
from models.recipes.gan.contest import AdversarialTask
from models.recipes.gan.network import Adversaries
from models.recipes.gan.parameters import Parameters
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batches

DRAWN = 500


_COLUMNS, _SHOWN = 10, 50


_EVALUATION_STREAM = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Images, parameters: Parameters) -> Evaluation:
    """Return metrics of draws, and samples: a row of real pictures, then draws.

    The metrics are those of `generator_metrics`, of 500 draws, by a judge that trained with neither
    network.
    """
    assert isinstance(network, Adversaries)
    judge = image_classifier(data)
    stream = seeds.generator(parameters.seed, _EVALUATION_STREAM)
    latents = torch.randn(DRAWN, parameters.latent, generator=stream)
    drawn = from_network(network(latents).numpy())
    found = generator_metrics(judge, data, drawn)
    rows = np.concatenate([data.test.images[:_COLUMNS], drawn[:_SHOWN]])
    samples = {"samples": figures.grid(rows, _COLUMNS)}
    return Evaluation(found.numbers, samples, found.scores, judge.fingerprint)


_EXAMPLES_STREAM = 2**31 + 1


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the averaged generator; the count of pictures may vary."""
    assert isinstance(network, Adversaries)
    stream = seeds.generator(parameters.seed, _EXAMPLES_STREAM)

    def latents(count: int) -> torch.Tensor:
        return torch.randn(count, parameters.latent, generator=stream)

    return {
        "generator": Graph(
            network.averaged.module,
            inputs=("latent",),
            outputs=("image",),
            examples=(latents(2),),
            trial=(latents(64),),
            varying={"latent": {0: "count"}},
        )
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


_FEWEST = 2
"""Rows a process, for batch normalisation and for distances within a batch."""


def task(setup: TaskSetup[Parameters, Images]) -> TrainingTask:
    """Return the adversarial training on the channel's pictures.

    Raises:
        BadData: the pictures are of another size, or fewer than a batch.
        BadRecipe: a process has one row a step, whose spread is nothing.
    """
    parameters = setup.parameters
    setup.data.require(parameters.side, parameters.channels)
    if setup.group.share(parameters.batch) < _FEWEST:
        raise BadRecipe(
            f"batch: is {parameters.batch} for {setup.group.size} processes, and has to be "
            f"{_FEWEST * setup.group.size} at least, since draws are compared with each other."
        )
    assert isinstance(setup.network, Adversaries)
    rows = torch.from_numpy(setup.data.train.scaled())
    batches = Batches([rows], parameters, setup.group)
    return AdversarialTask(setup.network, batches, parameters, setup.device, setup.group)


CODE: RecipeCode[Parameters, Images] = RecipeCode(
    parameters=Parameters,
    load=images.read,
    network=Adversaries,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    validation=images.validation,
)
