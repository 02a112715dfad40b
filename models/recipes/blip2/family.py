"""BLIP-2 as a recipe."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import questions, seeds, words
from models.common.artefacts import Trained
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.questions import Questions
from models.common.supervised import Batches, Loss, LossTask
from models.common.words import Words
from models.networks.language import hold_words
from models.networks.prompts import asked, hold_length
from models.networks.recolouring import recoloured
from models.recipes.blip2.evaluate import evaluate
from models.recipes.blip2.export import constants, graphs
from models.recipes.blip2.loss import generating, represent
from models.recipes.blip2.network import Captioner
from models.recipes.blip2.parameters import Parameters
from models.recipes.blip2.stages import Stages


def task(setup: Setup[Parameters, Questions]) -> Task:
    """Return the training in two stages, on what the frozen tower sees of the channel's pictures.

    Raises:
        BadData: the channel's pictures, words or attributes are not what the settings say, or the
            language model was trained by other words.
    """
    parameters, data = setup.parameters, setup.data
    data.hold(parameters.side)
    data.known([*parameters.together, parameters.colour])
    spoken = Words.of(data, parameters.vocabulary)
    rows = asked(spoken, data.train, data.attributes)
    hold_length(parameters.queries + rows.shape[2], parameters.context)
    network = setup.network
    assert isinstance(network, Captioner)
    hold_words(network.language.words, spoken)
    pixels = torch.from_numpy(data.train.scaled())
    features = network.vision.all(pixels)
    drawn = seeds.generator(parameters.seed, 0)
    other = network.vision.all(recoloured(pixels, torch.ones(len(pixels)).bool(), drawn))
    colours = torch.tensor([spoken.ids(value)[0] for value in data.values(parameters.colour)])

    def stage(loss: Loss, steps: int, *shown: torch.Tensor) -> LossTask:
        settings = parameters.model_copy(update={"steps": steps})
        batches = Batches([*shown, rows], parameters, setup.group)
        return LossTask(network, loss, batches, settings, setup.device, setup.group)

    first = parameters.first_stage
    generate = generating(colours, parameters.recoloured)
    return Stages(
        stage(represent, first, features),
        stage(generate, parameters.steps - first, features, other),
        first,
    )


def begin(network: nn.Module, bases: Mapping[str, Trained]) -> None:
    """Put the tower and the language model into a new network."""
    assert isinstance(network, Captioner)
    network.begin(bases)


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {words.FILE: Words.of(data, parameters.vocabulary).written()}


FAMILY: Family[Parameters, Questions] = Family(
    parameters=Parameters,
    load=questions.read,
    network=Captioner,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
