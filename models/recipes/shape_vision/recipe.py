"""The recipe `shape_vision`: an image tower that learns the words of captions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from models.data import questions, words
from models.data.questions import PictureDescription, Questions
from models.data.words import WholeWordTokenizer
from models.evaluation.figures import grid
from models.networks.vision import CHANNELS, VisionTower, recolour
from models.recipes.shape_vision.parameters import Parameters
from models.training import seeds
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import Batch, Loss, loss_task


class WordTagger(nn.Module):
    """Predicts the words of a picture's caption. Other networks use its `vision`."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.vision = VisionTower(parameters)
        self.words = nn.Linear(parameters.image_width, parameters.vocabulary)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return logits [n, vocabulary] of pictures [n, 3, side, side] from -1 to 1."""
        logits: torch.Tensor = self.words(self.vision(pixels)).amax(dim=1)
        return logits


def caption_words(
    words: WholeWordTokenizer, described: Sequence[PictureDescription], vocabulary: int
) -> torch.Tensor:
    """Return [n, vocabulary]: 1 where a word is in the caption, else 0."""
    found = torch.zeros(len(described), vocabulary)
    for row, each in enumerate(described):
        found[row, words.ids(each.caption)] = 1
    return found


def objective(colours: torch.Tensor, share: float) -> Loss:
    """Return the loss: binary cross-entropy, nats, the sum over words, the mean over pictures.

    A `share` of the pictures has its colour channels in another order and is asked for all words
    but `colours`, [vocabulary], 1 where one is. The others are asked for these alone.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        pixels, wanted = batch
        other = torch.rand(len(pixels)) < share
        asked = colours.to(pixels.device)
        counted = torch.where(other[:, None].to(pixels.device), 1 - asked, asked)
        told = functional.binary_cross_entropy_with_logits(
            network(recolour(pixels, other)), wanted, counted, reduction="sum"
        )
        return {"loss": told / len(pixels)}

    return loss


_SHOWN = 20


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return accuracies on pictures of unseen pairs, and samples, the wrong ones first.

    Of the words that may answer for an attribute, the likeliest has to be the right one.
    `NAME_accuracy` is of one attribute, `joint_accuracy` of those that have to be right together.
    """
    words = WholeWordTokenizer.of(data, parameters.vocabulary)
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


_EXAMPLES_STREAM = 2**31 + 1


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph; the count of pictures may vary."""
    stream = seeds.generator(parameters.seed, _EXAMPLES_STREAM)

    def images(count: int) -> torch.Tensor:
        shape = (count, CHANNELS, parameters.side, parameters.side)
        return torch.rand(shape, generator=stream) * 2 - 1

    return {
        "words": Graph(
            network,
            inputs=("image",),
            outputs=("logits",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": {0: "count"}},
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs: sizes and pixel range."""
    return {
        "side": parameters.side,
        "channels": CHANNELS,
        "lowest": -1.0,
        "highest": 1.0,
        "vocabulary": parameters.vocabulary,
    }


def task(setup: TaskSetup[Parameters, Questions]) -> TrainingTask:
    """Return the training on pictures and the words of their captions. Raises BadData."""
    parameters, data = setup.parameters, setup.data
    data.require(parameters.side)
    data.require_attributes([*parameters.together, parameters.colour])
    spoken = WholeWordTokenizer.of(data, parameters.vocabulary)
    colours = torch.zeros(parameters.vocabulary)
    colours[[spoken.ids(value)[0] for value in data.values(parameters.colour)]] = 1
    rows = [
        torch.from_numpy(data.train.scaled()),
        caption_words(spoken, data.train.described, parameters.vocabulary),
    ]
    return loss_task(setup, objective(colours, parameters.recoloured), rows)


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer, which numbers the words."""
    return {words.FILE: WholeWordTokenizer.of(data, parameters.vocabulary).written()}


CODE: RecipeCode[Parameters, Questions] = RecipeCode(
    parameters=Parameters,
    load=questions.read,
    network=WordTagger,
    task=task,
    evaluate=evaluate,
    graphs=graphs,
    constants=constants,
    files=files,
)
