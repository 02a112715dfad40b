"""The tower as a recipe."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common import questions, words
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.questions import Questions
from models.common.supervised import learned
from models.common.words import Words
from models.recipes.shape_vision.evaluate import evaluate
from models.recipes.shape_vision.export import constants, graphs
from models.recipes.shape_vision.loss import objective, said
from models.recipes.shape_vision.network import Seer
from models.recipes.shape_vision.parameters import Parameters


def task(setup: Setup[Parameters, Questions]) -> Task:
    """Return the training on pictures and the words of their captions. Raises BadData."""
    parameters, data = setup.parameters, setup.data
    data.hold(parameters.side)
    data.known([*parameters.together, parameters.colour])
    spoken = Words.of(data, parameters.vocabulary)
    colours = torch.zeros(parameters.vocabulary)
    colours[[spoken.ids(value)[0] for value in data.values(parameters.colour)]] = 1
    rows = [
        torch.from_numpy(data.train.scaled()),
        said(spoken, data.train.described, parameters.vocabulary),
    ]
    return learned(setup, objective(colours, parameters.recoloured), rows)


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer, which numbers the words."""
    return {words.FILE: Words.of(data, parameters.vocabulary).written()}


FAMILY: Family[Parameters, Questions] = Family(
    parameters=Parameters,
    load=questions.read,
    network=Seer,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
