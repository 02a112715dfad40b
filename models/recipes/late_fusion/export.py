"""The graphs of late fusion: a class by both, and by either where the other is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.captions import Captioned
from models.common.family import Constant, Graph
from models.networks import tokens
from models.recipes.late_fusion.network import Classifiers
from models.recipes.late_fusion.parameters import Parameters

_PLACE = 2**31 + 3
_COUNT = {0: "count"}


class _OfOne(nn.Module):
    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self._classifier = classifier

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self._classifier(given)
        return told.softmax(dim=1)


class _OfBoth(nn.Module):
    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self._classifier = classifier

    def forward(self, image: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self._classifier(image, tokens)
        return told.softmax(dim=1)


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return a graph for each classifier; how many products there are may vary."""
    assert isinstance(network, Classifiers)
    p = parameters
    stream = seeds.generator(p.seed, _PLACE)

    def given(count: int) -> dict[str, torch.Tensor]:
        pixels = torch.rand(count, p.channels, p.side, p.side, generator=stream) * 2 - 1
        shape = (count, p.prompt_tokens)
        said = torch.randint(tokens.END + 1, p.vocabulary, shape, generator=stream)
        said[:, p.prompt_tokens // 2 :] = tokens.PAD
        return {"image": pixels, "tokens": said}

    few, more = given(2), given(33)

    def graph(module: nn.Module, *inputs: str) -> Graph:
        return Graph(
            module,
            inputs=inputs,
            outputs=("probabilities",),
            examples=[few[name] for name in inputs],
            trial=[more[name] for name in inputs],
            varying=dict.fromkeys(inputs, _COUNT),
        )

    return {
        "by_both": graph(_OfBoth(network.by_both), "image", "tokens"),
        "by_image": graph(_OfOne(network.by_image), "image"),
        "by_title": graph(_OfOne(network.by_title), "tokens"),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return sizes, and the range of pixels."""
    return {
        "side": parameters.side,
        "channels": parameters.channels,
        "lowest": -1.0,
        "highest": 1.0,
        "prompt_tokens": parameters.prompt_tokens,
    }


def files(data: Captioned, parameters: Parameters) -> Mapping[str, bytes]:
    """Return tokenizer.json, and labels.json with the classes' names in the order of outputs."""
    reader = tokens.of_captions(data, parameters.vocabulary, parameters.prompt_tokens)
    return {
        "tokenizer.json": tokens.written(reader),
        "labels.json": f"{json.dumps(data.images.names, ensure_ascii=False)}\n".encode(),
    }
