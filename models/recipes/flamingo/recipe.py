"""The recipe `flamingo`: answers about a picture after a few examples."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from models.data import questions, words
from models.data.questions import Questions, QuestionSplit
from models.data.words import IMAGE, IS, NEXT, WholeWordTokenizer
from models.evaluation.figures import Pixels, caption_sheet
from models.evaluation.intervals import above_chance, mean_interval
from models.networks.language import require_same_words
from models.networks.picture_variants import (
    PLAIN,
    RECOLOURED,
    SCATTERED,
    variant_features,
)
from models.networks.question_rows import (
    answer_associations,
    answer_rows,
    answer_tokens,
    require_length,
)
from models.networks.vision import CHANNELS, trainable_share
from models.recipes.flamingo.network import Flamingo, objective
from models.recipes.flamingo.parameters import Parameters
from models.training import seeds
from models.training.artefacts import TrainedModel
from models.training.learned_weights import LearnedWeights
from models.training.loop import TrainingTask
from models.training.recipe_code import Constant, Evaluation, Graph, RecipeCode, TaskSetup
from models.training.supervised_task import loss_task

_EVALUATION_STREAM = 2**31


_SHOWN = 8


_LAST = 2
"""Tokens of a row from its last answer on, which are cut off to be asked for."""


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return few-shot accuracies on pictures of unseen pairs, and samples.

    `accuracy_k_shot` is the share of right answers after k pictures with theirs, the likeliest
    of all tokens, over every attribute and held-out picture; `gain` is with the most shots less
    without, with an interval over pictures. `NAME_accuracy` is that of one attribute after the most
    shots, and `NAME_above_chance_low` how far the lower end of its interval lies above
    `NAME_chance`, the accuracy of the best constant answer. `blind_accuracy` is with the most shots
    and other pictures in their places, which shows how much is guessed. `worst_known_accuracy` is
    the lowest accuracy of an attribute on as many pictures that were trained on: a network that
    answers whatever never came with the rest knows all new pairs and few others. `gate` is how far
    the gates opened; `trainable_share` the share of all weights that training changed.
    """
    assert isinstance(network, Flamingo)
    words = WholeWordTokenizer.of(data, parameters.vocabulary)
    told = answer_tokens(words, data.test, data.attributes)
    latents = network.see(torch.from_numpy(data.test.scaled()))
    pictures = episodes(len(told), parameters.shots, parameters.seed)
    numbers: dict[str, float] = {}
    chosen, right = told, []
    for shots in range(parameters.shots + 1):
        chosen = answer_last(network, latents, told, pictures[:, parameters.shots - shots :])
        right.append((chosen == told).double().mean(1).numpy())
        numbers[f"accuracy_{shots}_shot"] = float(right[-1].mean())
    numbers |= mean_interval(right[-1] - right[0]).numbers("gain")
    blind = answer_last(network, latents.roll(1, 0), told, pictures)
    numbers["blind_accuracy"] = float((blind == told).float().mean())
    for at, name in enumerate(data.attributes):
        hits = (chosen[:, at] == told[:, at]).double().numpy()
        numbers |= above_chance(hits, told[:, at].numpy()).numbers(name)
    numbers["worst_known_accuracy"] = _worst_known_accuracy(network, data, words, parameters)
    numbers["gate"] = network.gate
    numbers["trainable_share"] = trainable_share(network)
    return Evaluation(
        numbers,
        {"samples": _sheet(data, words, pictures, told, chosen)},
        {f"accuracy_{parameters.shots}_shot": right[-1]},
    )


def _worst_known_accuracy(
    network: Flamingo, data: Questions, words: WholeWordTokenizer, parameters: Parameters
) -> float:
    count = len(data.test.described)
    some = QuestionSplit(data.train.pictures[:count], data.train.described[:count])
    told = answer_tokens(words, some, data.attributes)
    latents = network.see(torch.from_numpy(some.scaled()))
    pictures = episodes(len(told), parameters.shots, parameters.seed)
    chosen = answer_last(network, latents, told, pictures)
    return float((chosen == told).float().mean(0).min())


def episodes(count: int, shots: int, seed: int) -> torch.Tensor:
    """Return rows of random pictures, [count, shots + 1]; row i ends with picture i."""
    others = torch.randint(
        count, (count, shots), generator=seeds.generator(seed, _EVALUATION_STREAM)
    )
    return torch.cat([others, torch.arange(count)[:, None]], dim=1)


def answer_last(
    network: Flamingo, latents: torch.Tensor, told: torch.Tensor, pictures: torch.Tensor
) -> torch.Tensor:
    """Return the answer tokens for the last picture of each row, [n, attributes]."""
    chosen = []
    for attribute in range(told.shape[1]):
        tokens = answer_rows(told[pictures, attribute])[:, :-_LAST]
        chosen.append(network(latents[pictures], tokens)[:, -1].argmax(1))
    return torch.stack(chosen, dim=1)


def _sheet(
    data: Questions,
    words: WholeWordTokenizer,
    pictures: torch.Tensor,
    told: torch.Tensor,
    chosen: torch.Tensor,
) -> Pixels:
    """Return rows of pictures with the given answers and the generated one."""
    images, texts = [], []
    for row in range(_SHOWN):
        attribute = row % len(data.attributes)
        images.append(_beside(data.test.pictures[pictures[row].numpy()]))
        given = [words.text([int(told[at, attribute])]) for at in pictures[row, :-1]]
        texts.append(f"{', '.join(given)} -> {words.text([int(chosen[row, attribute])])}")
    return caption_sheet(np.stack(images), texts)


def _beside(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures [n, side, side, 3] beside each other, [side, n side, 3]."""
    return np.concatenate(list(images), axis=1)


_EXAMPLES_STREAM = 2**31 + 1


_ASKED = 2
"""Tokens of a row from its last answer on."""


class _Vision(nn.Module):
    def __init__(self, network: Flamingo) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._network.see(image)


class _Decoder(nn.Module):
    def __init__(self, network: Flamingo) -> None:
        super().__init__()
        self._network = network

    def forward(self, latents: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self._network(latents, tokens)[:, -1]


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return both graphs; the counts of rows, pictures and tokens may vary."""
    assert isinstance(network, Flamingo)
    p = parameters
    stream = seeds.generator(p.seed, _EXAMPLES_STREAM)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, CHANNELS, p.side, p.side, generator=stream) * 2 - 1

    def read(count: int, pictures: int) -> tuple[torch.Tensor, torch.Tensor]:
        latents = torch.randn(count, pictures, p.latents, p.image_width, generator=stream)
        told = torch.randint(NEXT + 1, p.vocabulary, (count, pictures), generator=stream)
        return latents, answer_rows(told)[:, :-_ASKED]

    return {
        "vision": Graph(
            _Vision(network),
            inputs=("image",),
            outputs=("latents",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": {0: "count"}},
        ),
        "decoder": Graph(
            _Decoder(network),
            inputs=("latents", "tokens"),
            outputs=("logits",),
            examples=read(2, 2),
            trial=read(7, p.shots + 1),
            varying={
                "latents": {0: "count", 1: "pictures"},
                "tokens": {0: "count", 1: "length"},
            },
        ),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return the constants that a server needs: sizes, pixel range, special tokens.

    A prompt is `image is ANSWER next` for each shot, and then `image is`.
    """
    p = parameters
    return {
        "side": p.side,
        "channels": CHANNELS,
        "lowest": -1.0,
        "highest": 1.0,
        "latents": p.latents,
        "image_width": p.image_width,
        "vocabulary": p.vocabulary,
        "context": p.context,
        "shots": p.shots,
        "image": IMAGE,
        "is": IS,
        "next": NEXT,
    }


def task(setup: TaskSetup[Parameters, Questions]) -> TrainingTask:
    """Return the training on the frozen tower's features of the channel's pictures.

    Raises:
        BadData: the channel's pictures or words are not what the settings say, or the language
            model was trained by other words.
    """
    parameters, data, network = setup.parameters, setup.data, setup.network
    data.require(parameters.side)
    spoken = WholeWordTokenizer.of(data, parameters.vocabulary)
    told = answer_tokens(spoken, data.train, data.attributes)
    require_length(
        answer_rows(told[:1, :1].expand(1, parameters.shots + 1)).shape[1], parameters.context
    )
    assert isinstance(network, Flamingo)
    require_same_words(network.words, spoken)
    drawn = seeds.generator(parameters.seed, _VARIED_STREAM)
    features = variant_features(network.vision, torch.from_numpy(data.train.scaled()), drawn)
    associations = answer_associations(told, parameters.vocabulary)
    loss = objective(parameters, _askable(data, parameters), associations)
    return loss_task(setup, loss, [features, told], kept=LearnedWeights(setup.network))


def _askable(data: Questions, parameters: Parameters) -> torch.Tensor:
    """Return which variant may be asked for which attribute, [variants, attributes]."""
    lost: Mapping[int, tuple[str, ...]] = {
        PLAIN: (),
        RECOLOURED: (parameters.colour,),
        SCATTERED: parameters.drawn,
    }
    rows = [[float(name not in lost[each]) for name in data.attributes] for each in sorted(lost)]
    return torch.tensor(rows)


_VARIED_STREAM = 2**31 + 2


def begin(network: nn.Module, bases: Mapping[str, TrainedModel]) -> None:
    """Load the image tower and the language model into a new network."""
    assert isinstance(network, Flamingo)
    network.begin(bases)


def files(data: Questions, parameters: Parameters) -> Mapping[str, bytes]:
    """Return the tokenizer."""
    return {words.FILE: WholeWordTokenizer.of(data, parameters.vocabulary).written()}


CODE: RecipeCode[Parameters, Questions] = RecipeCode(
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
