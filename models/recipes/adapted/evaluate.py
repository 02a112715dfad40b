"""Judges an adapted model by answers that are right to the letter, and the base beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from models.common.family import Evaluation
from models.common.instructions import Instruction, Instructions
from models.common.text import END, PAD
from models.judging.overlap import overlap
from models.judging.text import interval
from models.networks.adapting import Adapted
from models.networks.decoder import generate
from models.recipes.adapted.network import prefix
from models.recipes.adapted.parameters import Parameters

SHOTS = 2
_MOST = 32


def evaluate(network: torch.nn.Module, data: Instructions, parameters: Parameters) -> Evaluation:
    """Return shares of held-out tasks whose whole answer is right, with bounds of a bootstrap.

    `exact_match` is of the merged model, and so are BLEU and ROUGE of its answers. `zero_shot` and
    `few_shot` are of the base: asked as it is, and with two tasks and their answers before.
    `trainable_share` is what learned of all.
    """
    assert isinstance(network, Adapted)
    merged = network.merged().eval()
    told = answers(merged, data.tokenizer, data.test, prefix(parameters))
    right = {
        "exact_match": matches(told, data.test),
        "zero_shot": exact(network.base, data.tokenizer, data.test),
        "few_shot": exact(network.base, data.tokenizer, data.test, shots=data.train[:SHOTS]),
    }
    numbers: dict[str, float] = {}
    for name, each in right.items():
        bounds = interval(each)
        numbers |= {name: float(each.mean())}
        numbers |= {f"{name}_low": bounds.low, f"{name}_high": bounds.high}
    numbers |= overlap(told, [each.completion.strip() for each in data.test])
    numbers["trainable_share"] = network.trainable_share()
    return Evaluation(numbers, scores={"exact_match": right["exact_match"]})


def exact(
    decoder: torch.nn.Module,
    tokenizer: Tokenizer,
    tasks: Sequence[Instruction],
    before: Sequence[int] = (),
    shots: Sequence[Instruction] = (),
) -> NDArray[np.float64]:
    """Return 1 for each task whose likeliest answer is right to the letter, else 0, [n]."""
    return matches(answers(decoder, tokenizer, tasks, before, shots), tasks)


def matches(told: Sequence[str], tasks: Sequence[Instruction]) -> NDArray[np.float64]:
    """Return 1 for each answer that is right to the letter, else 0, [n]."""
    return np.array(
        [float(one == each.completion.strip()) for one, each in zip(told, tasks, strict=True)]
    )


def answers(
    decoder: torch.nn.Module,
    tokenizer: Tokenizer,
    tasks: Sequence[Instruction],
    before: Sequence[int] = (),
    shots: Sequence[Instruction] = (),
) -> list[str]:
    """Return the likeliest answer to each task."""
    shown = "".join(f"{each.prompt}{each.completion}\n" for each in shots)
    prompts = [[*before, *tokenizer.encode(shown + each.prompt).ids] for each in tasks]
    longest = max(map(len, prompts))
    tokens = torch.full((len(prompts), longest), PAD)
    mask = torch.zeros_like(tokens)
    for row, prompt in enumerate(prompts):
        tokens[row, longest - len(prompt) :] = torch.tensor(prompt)
        mask[row, longest - len(prompt) :] = 1
    written = generate(decoder, tokens, _MOST, mask=mask)
    told = [tokenizer.decode(_until_end(row)) for row in written.tolist()]
    # A base has not learned to end: a line is an answer.
    return [each.split("\n")[0].strip() for each in told]


def _until_end(tokens: Sequence[int]) -> Sequence[int]:
    return tokens[: tokens.index(END)] if END in tokens else tokens
