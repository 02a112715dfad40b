"""Judges the language model by exact rules, on what is said of things that it never read of."""

from __future__ import annotations

import math

import torch

from models.common import seeds
from models.common.family import Evaluation
from models.common.questions import Questions
from models.common.words import BEGIN, Words
from models.networks.language import Language
from models.networks.prompts import (
    CAPTION,
    answers,
    asked,
    cross_entropy,
    greedy,
    in_a_row,
    learned,
)
from models.recipes.shape_language.parameters import Parameters

_PLACE = 2**31


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return numbers, all of things whose colour and shape never met in training.

    `caption_exact` is the share of captions that are written word for word after the words that
    describe a thing, in any order; `answer_accuracy` of questions answered after these words;
    `same_kind` of answers that are of the kind of the two before. `perplexity` is of captions.
    """
    assert isinstance(network, Language)
    words = Words.of(data, parameters.vocabulary)
    stream = seeds.generator(parameters.seed, _PLACE)
    told = answers(words, data.test, data.attributes)
    order = torch.rand(told.shape, generator=stream).argsort(1)
    context = network.vectors(told.gather(1, order))
    questions = asked(words, data.test, data.attributes)
    captions = questions[:, CAPTION]
    following = network.after(context, captions)
    right = [_exact(network, context, questions[:, kind]) for kind in range(1, questions.shape[1])]
    return Evaluation(
        {
            "caption_exact": _exact(network, context, captions),
            "answer_accuracy": sum(right) / len(right),
            "same_kind": _same_kind(network, words, data, told),
            "perplexity": math.exp(float(cross_entropy(following, learned(captions)))),
        }
    )


def _exact(network: Language, context: torch.Tensor, rows: torch.Tensor) -> float:
    """Return the share of rows whose answer comes out of their question, token for token."""
    begun = int((rows[0] == BEGIN).nonzero()[0]) + 1
    wanted = rows[:, begun:]
    written = greedy(lambda all_: network.last(context, all_), rows[:, :begun], wanted.shape[1])
    missing = wanted.shape[1] - written.shape[1]
    whole = torch.nn.functional.pad(written, (0, missing))
    return float((whole == wanted).all(1).float().mean())


def _same_kind(network: Language, words: Words, data: Questions, told: torch.Tensor) -> float:
    """Return the share of third answers of the kind of two that came before, all kinds alike."""
    right = []
    for at, attribute in enumerate(data.attributes):
        row = in_a_row(torch.stack([told[:, at], told[:, at].roll(1), told[:, at]], dim=1))
        before = row[:, : row.shape[1] - 2]
        chosen = network.last(before.new_zeros((len(row), 0, network.width)), before).argmax(1)
        values = torch.tensor([words.ids(value)[0] for value in data.values(attribute)])
        right.append(float(torch.isin(chosen, values).float().mean()))
    return sum(right) / len(right)
