"""Judges the tower by exact rules, on pictures of pairs that it never saw."""

from __future__ import annotations

import numpy as np
import torch

from models.common.family import Evaluation
from models.common.pictures import grid
from models.common.questions import Questions
from models.common.words import Words
from models.recipes.shape_vision.parameters import Parameters

_SHOWN = 20


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return numbers and the pictures that it got wrong first, then those that follow.

    Of the words that may answer for an attribute, the likeliest has to be the right one.
    `NAME_accuracy` is of one attribute, `joint_accuracy` of those that have to be right together.
    """
    words = Words.of(data, parameters.vocabulary)
    logits = network(torch.from_numpy(data.test.scaled()))
    right = {}
    for name in data.attributes:
        values = data.values(name)
        chosen = logits[:, [words.ids(value)[0] for value in values]].argmax(1).tolist()
        wanted = [values.index(each.answers[name]) for each in data.test.described]
        right[name] = np.array(chosen) == np.array(wanted)
    joint = np.logical_and.reduce([right[name] for name in parameters.together])
    order = np.argsort(joint, kind="stable")
    return Evaluation(
        {
            "joint_accuracy": float(joint.mean()),
            **{f"{name}_accuracy": float(each.mean()) for name, each in right.items()},
        },
        {"samples": grid(data.test.pictures[order][:_SHOWN], _SHOWN // 2)},
        {"joint_accuracy": joint.astype(np.float64)},
    )
