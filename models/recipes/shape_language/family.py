"""The language model as a recipe."""

from __future__ import annotations

from collections.abc import Mapping

from models.common import questions, words
from models.common.family import Family, Setup
from models.common.loop import Task
from models.common.questions import Questions
from models.common.supervised import learned
from models.common.words import Words
from models.networks.language import Language
from models.networks.prompts import answers, asked, hold_length
from models.recipes.shape_language.evaluate import evaluate
from models.recipes.shape_language.export import constants, graphs
from models.recipes.shape_language.loss import objective
from models.recipes.shape_language.parameters import Parameters


def task(setup: Setup[Parameters, Questions]) -> Task:
    """Return the training on what the channel says of its pictures, which it never sees.

    Raises:
        BadData: the channel has more words or longer captions than the network takes.
    """
    parameters, data = setup.parameters, setup.data
    spoken = Words.of(data, parameters.vocabulary)
    told = answers(spoken, data.train, data.attributes)
    rows = asked(spoken, data.train, data.attributes)
    hold_length(told.shape[1] + rows.shape[2], parameters.context)
    assert isinstance(setup.network, Language)
    setup.network.learn(spoken)
    return learned(setup, objective(parameters), [told, rows])


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {words.FILE: Words.of(data, parameters.vocabulary).written()}


FAMILY: Family[Parameters, Questions] = Family(
    parameters=Parameters,
    load=questions.read,
    network=Language,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
