"""The recipe `late_fusion`: products classified by picture and title."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.data import caption_tokens, captions
from models.data.captions import CaptionedImages
from models.data.images import FILE
from models.datasets import products
from models.evaluation import figures
from models.evaluation.bias import SELECTION, SELECTION_GAP, measure_bias, unknown_metrics
from models.evaluation.intervals import ConfidenceInterval, mean_interval, wilson_interval
from models.failures import BadData
from models.recipes.late_fusion.network import Classifiers, loss
from models.recipes.late_fusion.parameters import Parameters
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import loss_task

_ROWS = 512


_SHOWN = 4


Told = Mapping[str, NDArray[np.int64]]


def evaluate(network: nn.Module, data: CaptionedImages, parameters: Parameters) -> Evaluation:
    """Return accuracies of the three classifiers on held-out products, and examples.

    `accuracy_image`, `accuracy_title` and `accuracy_both` are shares of held-out products whose
    class is told. `gain_over_image` and `gain_over_title` are what both is better by, paired by
    product, with 95% intervals. `both_where_title_fails` and `both_where_image_fails` are the
    accuracy of both where one alone is wrong.

    Who a product is for should not matter: `accuracy_gap` is between those whose title says
    "women's" and "men's", and `swap_changes` the share of them whose class by both is another one
    with one word in the other's place.
    """
    assert isinstance(network, Classifiers)
    test = data.images.test
    titles = [said[0] for said in data.captions["test"]]
    told = _told(network, data, parameters, titles)
    right = {name: (each == test.labels).astype(np.float64) for name, each in told.items()}
    numbers: dict[str, float] = {}
    for name, values in right.items():
        numbers |= mean_interval(values).numbers(f"accuracy_{name}")
    for alone in ("image", "title"):
        numbers |= mean_interval(right["both"] - right[alone]).numbers(f"gain_over_{alone}")
        if (wrong := right[alone] == 0).any():
            numbers[f"both_where_{alone}_fails"] = float(right["both"][wrong].mean())
    other = _told(network, data, parameters, [products.swapped(title) for title in titles])
    fairness, unknown = buyer_bias(titles, right["both"], told["both"] != other["both"])
    return Evaluation(
        numbers | fairness,
        {"examples": _examples(data, told)},
        {"accuracy_both": right["both"]},
        unknown=unknown,
    )


def buyer_bias(
    titles: Sequence[str], right: NDArray[np.float64], changed: NDArray[np.bool_]
) -> tuple[dict[str, float], dict[str, str]]:
    """Return metrics of products for women and for men, and why some cannot be told.

    `right` is 1 where a product's class is told, and `changed` says where it is another one once
    the title is for the other; both are of [n].
    """
    buyers = [products.buyer(title) for title in titles]
    rows = [row for row, buyer in enumerate(buyers) if buyer]
    numbers: dict[str, float] = {}
    unknown: dict[str, str] = {}
    if len(set(buyers) - {""}) < 2:
        reason = "the titles are not for women as well as for men"
        return numbers, unknown_metrics({"accuracy_gap": reason, "swap_changes": reason})
    # Of those that are told right, fairlearn's selection rate is the accuracy.
    found = measure_bias([buyers[row] for row in rows], right[rows])
    if SELECTION_GAP in found.gaps:
        numbers |= found.gaps[SELECTION_GAP].numbers("accuracy_gap")
    else:
        unknown["accuracy_gap"] = found.unknown[SELECTION_GAP]
    for buyer, rate in found.rates[SELECTION].items():
        numbers[f"accuracy_for_{buyer}"] = rate.value
    low, high = wilson_interval(int(changed[rows].sum()), len(rows))
    swaps = ConfidenceInterval(float(changed[rows].mean()), low, high)
    return numbers | swaps.numbers("swap_changes"), unknown_metrics(unknown)


@torch.no_grad()
def _told(
    network: Classifiers, data: CaptionedImages, parameters: Parameters, texts: Sequence[str]
) -> Told:
    """Return the class of each held-out product under these titles, [n], by classifier."""
    reader = caption_tokens.caption_tokenizer(data, parameters.vocabulary, parameters.prompt_tokens)
    titles = torch.from_numpy(caption_tokens.encode_texts(reader, texts))
    pixels = torch.from_numpy(data.images.test.scaled())
    parts = [
        network(image, title)
        for image, title in zip(pixels.split(_ROWS), titles.split(_ROWS), strict=True)
    ]
    return {
        name: torch.cat([part[name].argmax(dim=1) for part in parts]).numpy() for name in parts[0]
    }


def _examples(data: CaptionedImages, told: Told) -> NDArray[np.uint8]:
    """Return products that only both together classify rightly, and failures of both."""
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
    return figures.with_lines(test.images[chosen], lines)


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


def files(data: CaptionedImages, parameters: Parameters) -> Mapping[str, bytes]:
    """Return tokenizer.json, and labels.json with the classes' names in the order of outputs."""
    reader = caption_tokens.caption_tokenizer(data, parameters.vocabulary, parameters.prompt_tokens)
    return {
        "tokenizer.json": caption_tokens.tokenizer_file(reader),
        "labels.json": f"{json.dumps(data.images.names, ensure_ascii=False)}\n".encode(),
    }


def task(setup: TaskSetup[Parameters, CaptionedImages]) -> TrainingTask:
    """Return the training of all three on the channel's pictures and their first captions.

    Raises:
        BadData: pictures or classes are not as the settings have them.
    """
    data, p = setup.data, setup.parameters
    data.images.require(p.side, p.channels)
    if len(data.images.names) != p.classes:
        raise BadData(
            f"{FILE} has {len(data.images.names)} names of classes, and the recipe is set to "
            f"classes {p.classes}; change one or the other."
        )
    reader = caption_tokens.caption_tokenizer(data, p.vocabulary, p.prompt_tokens)
    rows = [
        torch.from_numpy(data.images.train.scaled()),
        torch.from_numpy(
            caption_tokens.encode_texts(reader, [said[0] for said in data.captions["train"]])
        ),
        torch.from_numpy(data.images.train.labels),
    ]
    return loss_task(setup, loss, rows)


CODE: RecipeCode[Parameters, CaptionedImages] = RecipeCode(
    parameters=Parameters,
    load=captions.read,
    network=Classifiers,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
