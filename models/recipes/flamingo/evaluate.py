"""Judges few-shot answers by an exact rule, on pictures of pairs that it never saw."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from models.common import seeds
from models.common.family import Evaluation
from models.common.pictures import Pixels
from models.common.questions import Questions
from models.common.sheets import captioned
from models.common.words import Words
from models.judging.retrieval import interval
from models.networks.frozen import trainable_share
from models.networks.prompts import answers, in_a_row
from models.recipes.flamingo.network import Flamingo
from models.recipes.flamingo.parameters import Parameters

_PLACE = 2**31
_SHOWN = 8
_LAST = 2
"""Tokens of a row from its last answer on, which are cut off to be asked for."""


@torch.no_grad()
def evaluate(network: torch.nn.Module, data: Questions, parameters: Parameters) -> Evaluation:
    """Return numbers, and pictures in rows with what is answered of the last.

    `accuracy_k_shot` is the share of right answers after k pictures with theirs, the likeliest
    of all tokens, over every attribute and held-out picture; `gain` is with the most shots less
    without, with an interval over pictures. `blind_accuracy` is with the most shots and other
    pictures in their places, which shows how much is guessed. `gate` is how far the gates opened;
    `trainable_share` the share of all weights that training changed.
    """
    assert isinstance(network, Flamingo)
    words = Words.of(data, parameters.vocabulary)
    told = answers(words, data.test, data.attributes)
    latents = network.see(torch.from_numpy(data.test.scaled()))
    pictures = episodes(len(told), parameters.shots, parameters.seed)
    numbers: dict[str, float] = {}
    chosen, right = told, []
    for shots in range(parameters.shots + 1):
        chosen = answer(network, latents, told, pictures[:, parameters.shots - shots :])
        right.append((chosen == told).double().mean(1).numpy())
        numbers[f"accuracy_{shots}_shot"] = float(right[-1].mean())
    numbers |= interval(right[-1] - right[0]).numbers("gain")
    blind = answer(network, latents.roll(1, 0), told, pictures)
    numbers["blind_accuracy"] = float((blind == told).float().mean())
    for at, name in enumerate(data.attributes):
        numbers[f"{name}_accuracy"] = float((chosen[:, at] == told[:, at]).float().mean())
    numbers["gate"] = network.gate
    numbers["trainable_share"] = trainable_share(network)
    return Evaluation(
        numbers,
        {"samples": _sheet(data, words, pictures, told, chosen)},
        {f"accuracy_{parameters.shots}_shot": right[-1]},
    )


def episodes(count: int, shots: int, seed: int) -> torch.Tensor:
    """Return pictures in rows, [count, shots + 1]: by chance, and picture i the last of row i."""
    others = torch.randint(count, (count, shots), generator=seeds.generator(seed, _PLACE))
    return torch.cat([others, torch.arange(count)[:, None]], dim=1)


def answer(
    network: Flamingo, latents: torch.Tensor, told: torch.Tensor, pictures: torch.Tensor
) -> torch.Tensor:
    """Return the token that is answered of the last picture of each row, [n, attributes]."""
    chosen = []
    for attribute in range(told.shape[1]):
        tokens = in_a_row(told[pictures, attribute])[:, :-_LAST]
        chosen.append(network(latents[pictures], tokens)[:, -1].argmax(1))
    return torch.stack(chosen, dim=1)


def _sheet(
    data: Questions,
    words: Words,
    pictures: torch.Tensor,
    told: torch.Tensor,
    chosen: torch.Tensor,
) -> Pixels:
    """Return rows of pictures, each with the answers that are given and the one that came out."""
    images, texts = [], []
    for row in range(_SHOWN):
        attribute = row % len(data.attributes)
        images.append(_beside(data.test.pictures[pictures[row].numpy()]))
        given = [words.text([int(told[at, attribute])]) for at in pictures[row, :-1]]
        texts.append(f"{', '.join(given)} -> {words.text([int(chosen[row, attribute])])}")
    return captioned(np.stack(images), texts)


def _beside(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return pictures [n, side, side, 3] beside each other, [side, n side, 3]."""
    return np.concatenate(list(images), axis=1)
