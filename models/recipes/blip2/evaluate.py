"""Judges captions and answers by exact rules, on pictures of pairs that it never saw."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from models.common.family import Evaluation
from models.common.questions import Described, Questions
from models.common.sheets import captioned
from models.common.words import BEGIN, Words, question
from models.judging.overlap import overlap
from models.judging.retrieval import interval
from models.networks.frozen import trainable_share
from models.networks.prompts import asked, greedy
from models.recipes.blip2.network import Captioner
from models.recipes.blip2.parameters import Parameters

_SHOWN = 10


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return numbers, and pictures with what is said of them.

    `joint_accuracy` is the share of captions that name the right colour and shape, and no other;
    `blind_joint_accuracy` the same with each caption written for another picture, which shows how
    much is guessed. `caption_exact` is of captions that are right word for word; BLEU and ROUGE
    have how much of the right ones is in them. `answer_accuracy` is of questions answered rightly,
    `answer_joint` of pictures whose colour and shape are both answered rightly. `trainable_share`
    is the share of all weights that training changed.
    """
    assert isinstance(network, Captioner)
    words = Words.of(data, parameters.vocabulary)
    seen = network.see(torch.from_numpy(data.test.scaled()))
    most = asked(words, data.test, data.attributes).shape[2]
    described = data.test.described
    captions = said(network, words, seen, "", most)
    right = joint(captions, described, data, parameters.together)
    elsewhere = joint(captions[1:] + captions[:1], described, data, parameters.together)
    answers = {
        name: [
            text == each.answers[name]
            for text, each in zip(
                said(network, words, seen, question(name), most), described, strict=True
            )
        ]
        for name in data.attributes
    }
    both = [
        all(told) for told in zip(*(answers[name] for name in parameters.together), strict=True)
    ]
    wanted = [each.caption for each in described]
    exact = [text == caption for text, caption in zip(captions, wanted, strict=True)]
    scores = {"joint_accuracy": np.array(right, np.float64)}
    numbers = {
        **interval(scores["joint_accuracy"]).numbers("joint_accuracy"),
        "blind_joint_accuracy": _share(elsewhere),
        **interval(np.array(exact, np.float64)).numbers("caption_exact"),
        **overlap(captions, wanted, "caption_"),
        "answer_accuracy": _share([told for each in answers.values() for told in each]),
        "answer_joint": _share(both),
        "trainable_share": trainable_share(network),
    }
    shown = captioned(data.test.pictures[:_SHOWN], captions[:_SHOWN])
    return Evaluation(numbers, {"samples": shown}, scores)


def said(network: Captioner, words: Words, seen: torch.Tensor, asking: str, most: int) -> list[str]:
    """Return what is said of each picture, of what the language model reads of it."""
    prompt = torch.tensor([[*words.ids(asking), BEGIN]]).expand(len(seen), -1)
    written = greedy(lambda tokens: network.language.last(seen, tokens), prompt, most)
    return [words.text(row) for row in written.tolist()]


def joint(
    captions: Sequence[str],
    described: Sequence[Described],
    data: Questions,
    attributes: Sequence[str],
) -> list[bool]:
    """Return for each caption whether it names the right answer of each attribute alone."""
    known = {name: set(data.values(name)) for name in attributes}
    return [
        all(known[name] & set(text.split()) == {each.answers[name]} for name in attributes)
        for text, each in zip(captions, described, strict=True)
    ]


def _share(right: Sequence[bool]) -> float:
    return sum(right) / len(right)
