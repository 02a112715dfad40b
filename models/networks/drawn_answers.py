"""Answers that a tuned decoder draws, as rows, and how far they are from its base."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from models.networks.chat_tokens import ChatTokens
from models.networks.decoder import choose_tokens
from models.networks.preference_rows import answer_alone, answer_divergences
from models.networks.tuned_chats import end_token
from models.networks.tuned_decoder import TunedDecoder
from models.training import seeds

SPARE_TOKENS = 8
"""Tokens by which an answer may be longer than the longest that is wanted."""
_AT_ONCE = 64
"""Rows that are written together."""
_DIVERGENCE_ROWS = 30
_STREAM = 2**31 + 5


def generate_answers(
    model: TunedDecoder, prompts: Sequence[Sequence[int]], most: int, end: int
) -> list[list[int]]:
    """Return the likeliest tokens after each prompt, `most` at most, without `end`."""
    rows = draw_answers(model, prompts, most, end, temperature=0.0)
    return [tokens[:-1] if tokens[-1:] == [end] else tokens for tokens in rows]


@torch.no_grad()
def draw_answers(
    model: TunedDecoder,
    prompts: Sequence[Sequence[int]],
    most: int,
    end: int,
    *,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    samples: int = 1,
) -> list[list[int]]:
    """Return tokens that are drawn after each prompt, `most` at most; `end` is the last, if any.

    At temperature 0 the likeliest token is taken. Without a generator chance is torch's global
    stream. Prompts of a like length are read together, and each once for its `samples` rows.
    """
    order = sorted(range(len(prompts)), key=lambda row: len(prompts[row]))
    found: list[list[int]] = [[] for _ in range(samples * len(prompts))]
    at_once = max(1, _AT_ONCE // samples)
    for first in range(0, len(order), at_once):
        chosen = order[first : first + at_once]
        given = [prompts[row] for row in chosen]
        rows = _draw(given, model, most, end, temperature, generator, samples)
        places = [row * samples + each for row in chosen for each in range(samples)]
        for place, tokens in zip(places, rows, strict=True):
            found[place] = tokens[: tokens.index(end) + 1] if end in tokens else tokens
    return found


def _draw(
    prompts: Sequence[Sequence[int]],
    model: TunedDecoder,
    most: int,
    end: int,
    temperature: float,
    generator: torch.Generator | None,
    samples: int,
) -> list[list[int]]:
    count, longest = len(prompts), max(map(len, prompts))
    before = model.prefix_length()
    device = next(model.parameters()).device
    given = torch.full((count, longest), end)
    seen = torch.zeros((count, before + longest), dtype=torch.long)
    seen[:, :before] = 1
    for row, prompt in enumerate(prompts):
        given[row, longest - len(prompt) :] = torch.tensor(prompt)
        seen[row, before + longest - len(prompt) :] = 1
    given, seen = given.to(device), seen.to(device)
    cache = model.start(count)
    places = (seen.cumsum(1) - 1).clamp(min=0)[:, before:]
    ended = torch.zeros(samples * count, dtype=torch.bool, device=device)
    written: list[torch.Tensor] = []
    for _ in range(most):
        told = model.decoder.base_model(
            input_ids=given, attention_mask=seen, position_ids=places, cache=cache, use_cache=True
        )
        scores = model.decoder.get_output_embeddings()(told.last_hidden_state[:, -1])
        if not written and samples > 1:
            cache.batch_repeat_interleave(samples)
            scores, seen, places = (
                each.repeat_interleave(samples, dim=0) for each in (scores, seen, places)
            )
        drawn = choose_tokens(scores.float(), temperature, generator)
        chosen = torch.where(ended, end, drawn)
        written.append(chosen)
        ended = ended | (chosen == end)
        if bool(ended.all()):
            break
        given, places = chosen[:, None], places[:, -1:] + 1
        seen = torch.cat([seen, torch.ones_like(given)], dim=1)
    rows: list[list[int]] = torch.stack(written, dim=1).tolist()
    return rows


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
    """Return KL(tuned || base) of drawn answers, in nats, and their tokens, [n] each.

    They are of the first rows, 30 at most.
    """
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
