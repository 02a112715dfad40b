"""Answers that a tuned decoder draws, as rows, and how far they are from its base."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.networks.chat_tokens import ChatTokens
from models.networks.preference_rows import answer_alone, answer_divergences
from models.networks.tuned_chats import end_token
from models.networks.tuned_decoder import TunedDecoder, draw_answers
from models.training import seeds

SPARE_TOKENS = 8
"""Tokens by which an answer may be longer than the longest that is wanted."""
_DIVERGENCE_ROWS = 30
_STREAM = 2**31 + 5


def longest_answer(rows: Sequence[ChatTokens]) -> int:
    """Return the most tokens that answers in place of those of rows are drawn with."""
    return max(sum(row.learned) for row in rows) + SPARE_TOKENS


def drawn_rows(
    model: TunedDecoder,
    rows: Sequence[ChatTokens],
    most: int,
    *,
    temperature: float,
    generator: torch.Generator | None = None,
) -> list[ChatTokens]:
    """Return the prompts of rows with answers that a model draws, of `most` tokens at most."""
    prompts = [row.ids[: row.answer] for row in rows]
    written = draw_answers(
        model, prompts, most, end_token(model), temperature=temperature, generator=generator
    )
    return [
        answer_alone(ChatTokens((*prompt, *tokens), (), len(prompt)))
        for prompt, tokens in zip(prompts, written, strict=True)
    ]


def divergences(
    network: TunedDecoder, rows: Sequence[ChatTokens], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return KL(tuned || base) of drawn answers, in nats, and their tokens, [n] each."""
    drawn = drawn_rows(
        network,
        rows[:_DIVERGENCE_ROWS],
        longest_answer(rows),
        temperature=1.0,
        generator=seeds.generator(seed, _STREAM),
    )
    apart = answer_divergences(network, drawn).double().numpy()
    tokens = np.array([sum(row.learned) for row in drawn], np.float64)
    return np.asarray(apart, np.float64), tokens
