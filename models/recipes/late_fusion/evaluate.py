"""Judges the three classifiers on products that none was trained on, by their true classes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.common import pictures
from models.common.captions import Captioned
from models.common.family import Evaluation
from models.judging.retrieval import interval
from models.networks import tokens
from models.recipes.late_fusion.network import Classifiers
from models.recipes.late_fusion.parameters import Parameters

_ROWS = 512
_SHOWN = 4

Told = Mapping[str, NDArray[np.int64]]


def evaluate(network: nn.Module, data: Captioned, parameters: Parameters) -> Evaluation:
    """Return numbers and a picture.

    `accuracy_image`, `accuracy_title` and `accuracy_both` are shares of held-out products whose
    class is told. `gain_over_image` and `gain_over_title` are what both is better by, paired by
    product, with 95% intervals. `both_where_title_fails` and `both_where_image_fails` are the
    accuracy of both where one alone is wrong.
    """
    assert isinstance(network, Classifiers)
    test = data.images.test
    told = _told(network, data, parameters)
    right = {name: (each == test.labels).astype(np.float64) for name, each in told.items()}
    numbers: dict[str, float] = {}
    for name, values in right.items():
        numbers |= interval(values).numbers(f"accuracy_{name}")
    for alone in ("image", "title"):
        numbers |= interval(right["both"] - right[alone]).numbers(f"gain_over_{alone}")
        if (wrong := right[alone] == 0).any():
            numbers[f"both_where_{alone}_fails"] = float(right["both"][wrong].mean())
    return Evaluation(
        numbers, {"examples": _examples(data, told)}, {"accuracy_both": right["both"]}
    )


@torch.no_grad()
def _told(network: Classifiers, data: Captioned, parameters: Parameters) -> Told:
    """Return the class that each classifier tells of each held-out product, [n]."""
    reader = tokens.of_captions(data, parameters.vocabulary, parameters.prompt_tokens)
    titles = torch.from_numpy(tokens.encoded(reader, [said[0] for said in data.captions["test"]]))
    pixels = torch.from_numpy(data.images.test.scaled())
    parts = [
        network(image, title)
        for image, title in zip(pixels.split(_ROWS), titles.split(_ROWS), strict=True)
    ]
    return {
        name: torch.cat([part[name].argmax(dim=1) for part in parts]).numpy() for name in parts[0]
    }


def _examples(data: Captioned, told: Told) -> NDArray[np.uint8]:
    """Return products that both tells and one alone does not, and some that both does not tell."""
    names, test = data.images.names, data.images.test
    right = {name: each == test.labels for name, each in told.items()}
    kinds = (
        right["both"] & ~right["image"],
        right["both"] & ~right["title"],
        ~right["both"],
    )
    rows = [int(row) for kind in kinds for row in np.flatnonzero(kind)[:_SHOWN]]
    chosen = list(dict.fromkeys(rows))
    lines = [
        "\n".join(
            [
                f"{data.captions['test'][row][0]} (it is: {names[test.labels[row]]})",
                f"by picture: {names[told['image'][row]]}",
                f"by title: {names[told['title'][row]]}",
                f"by both: {names[told['both'][row]]}",
            ]
        )
        for row in chosen
    ]
    return pictures.described(test.images[chosen], lines)
