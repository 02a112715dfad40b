"""The recipe `late_fusion`: products classified by picture and title."""

from __future__ import annotations

import json
from collections.abc import Mapping

import torch
from torch import nn

from models.data import caption_tokens
from models.recipes.late_fusion.judgement import evaluate
from models.recipes.late_fusion.network import Classifiers, loss
from models.recipes.late_fusion.parameters import Parameters
from models.recipes.late_fusion.rows import picture_reader, scaled_pictures, title_reader
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, loss_task
from models.training_data import products
from models.training_data.products import Products

_EXAMPLES_STREAM = 2**31 + 3


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
    stream = seeds.generator(p.seed, _EXAMPLES_STREAM)

    def given(count: int) -> dict[str, torch.Tensor]:
        pixels = torch.rand(count, p.channels, p.side, p.side, generator=stream) * 2 - 1
        shape = (count, p.prompt_tokens)
        said = torch.randint(caption_tokens.END + 1, p.vocabulary, shape, generator=stream)
        said[:, p.prompt_tokens // 2 :] = caption_tokens.PAD
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


def learned(network: nn.Module) -> Mapping[str, Constant]:
    """Return the names of the classes, in the order of outputs."""
    assert isinstance(network, Classifiers)
    return {"labels": network.labels}


def files(data: Products, parameters: Parameters) -> Mapping[str, bytes]:
    """Return tokenizer.json, and labels.json with the classes' names in the order of outputs."""
    return {
        "tokenizer.json": caption_tokens.tokenizer_file(title_reader(data, parameters)),
        "labels.json": f"{json.dumps(data.labels, ensure_ascii=False)}\n".encode(),
    }


def task(setup: TaskSetup[Parameters, Products]) -> TrainingTask:
    """Return the training of all three on the channel's products. Raises BadData, ValueError."""
    part, p = setup.data.train, setup.parameters
    pictures = picture_reader(part, p)
    rows = [
        torch.arange(len(part.paths)),
        torch.from_numpy(caption_tokens.encode_texts(title_reader(setup.data, p), part.titles)),
        torch.from_numpy(part.classes),
    ]

    def of_rows(network: nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        chosen, *others = batch
        seen = scaled_pictures(pictures, chosen.tolist()).to(chosen.device)
        return loss(network, [seen, *others], number)

    return loss_task(setup, of_rows, rows, groups=part.groups.tolist())


CODE: RecipeCode[Parameters, Products] = RecipeCode(
    parameters=Parameters,
    load=products.read,
    network_of=lambda parameters, data: Classifiers(parameters, data.labels),
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    learned=learned,
    files=files,
    validation=Products.for_trial,
)
