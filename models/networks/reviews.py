"""The rows of a channel of reviews and preferences, as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.common.failures import BadRecipe
from models.common.pairs import Pair, Review, Vocabulary, laid
from models.networks.rollouts import Written


def laid_out(vocabulary: Vocabulary, texts: Sequence[tuple[str, str]], length: int) -> Written:
    """Return rows of prompts and completions. Raises BadData, as `pairs.laid` does."""
    found = laid(vocabulary, texts, length)
    return Written(*(torch.from_numpy(each) for each in (found.ids, found.begun, found.sizes)))


def laid_pairs(
    vocabulary: Vocabulary, pairs: Sequence[Pair], length: int
) -> tuple[Written, Written]:
    """Return the chosen rows and the rejected ones. Raises BadData, as `pairs.laid` does."""
    return (
        laid_out(vocabulary, [(each.prompt, each.chosen) for each in pairs], length),
        laid_out(vocabulary, [(each.prompt, each.rejected) for each in pairs], length),
    )


def asked(
    vocabulary: Vocabulary, rows: Sequence[Review | Pair], context: int, most: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the prompts of rows, [n, context - most], and their sizes, [n].

    Raises:
        BadRecipe: `most` leaves no room in `context`.
        BadData: a prompt is longer than what is left.
    """
    room = context - most
    if room < 1:
        raise BadRecipe(f"most: is {most} and has to be less than context, which is {context}.")
    found = laid(vocabulary, [(each.prompt, "") for each in rows], room)
    return torch.from_numpy(found.ids), torch.from_numpy(found.sizes)
