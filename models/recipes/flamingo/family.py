"""Flamingo as a recipe."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import questions, words
from models.common.artefacts import Trained
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.questions import Questions
from models.common.supervised import learned
from models.common.words import Words
from models.networks.language import hold_words
from models.networks.prompts import answers, hold_length, in_a_row
from models.recipes.flamingo.evaluate import evaluate
from models.recipes.flamingo.export import constants, graphs
from models.recipes.flamingo.loss import objective
from models.recipes.flamingo.network import Flamingo
from models.recipes.flamingo.parameters import Parameters


def task(setup: Setup[Parameters, Questions]) -> Task:
    """Return the training on what the frozen tower sees of the channel's pictures.

    Raises:
        BadData: the channel's pictures or words are not what the settings say, or the language
            model was trained by other words.
    """
    parameters, data, network = setup.parameters, setup.data, setup.network
    data.hold(parameters.side)
    spoken = Words.of(data, parameters.vocabulary)
    told = answers(spoken, data.train, data.attributes)
    hold_length(in_a_row(told[:1, :1].expand(1, parameters.shots + 1)).shape[1], parameters.context)
    assert isinstance(network, Flamingo)
    hold_words(network.words, spoken)
    features = network.vision.all(torch.from_numpy(data.train.scaled()))
    return learned(setup, objective(parameters), [features, told])


def begin(network: nn.Module, bases: Mapping[str, Trained]) -> None:
    """Put the tower and the language model into a new network."""
    assert isinstance(network, Flamingo)
    network.begin(bases)


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {words.FILE: Words.of(data, parameters.vocabulary).written()}


FAMILY: Family[Parameters, Questions] = Family(
    parameters=Parameters,
    load=questions.read,
    network=Flamingo,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    begin=begin,
    files=files,
)
