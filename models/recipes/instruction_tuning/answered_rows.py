"""Held-out conversations, answered by a tuned model and by its base, and how that scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from models.evaluation.answers import AnswerScores, f1_over_chance, score_answers
from models.evaluation.intervals import group_means, mean_interval
from models.evaluation.judged_rows import drawn_rows
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.drawn_answers import draw_answers, longest_answer
from models.networks.tuned_chats import encode_conversations, encoder, end_token
from models.networks.tuned_decoder import TunedDecoder, answer_losses, trainable_share
from models.training_data.channel import DataChannel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import ChatExample, ChatTurn

SHOTS = 2
"""Examples that the base is shown, where it is judged with examples."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WrittenAnswers:
    """What a model wrote to conversations: texts, whether each came to its end, and the scores.

    The scores are of groups of rows.
    """

    texts: tuple[str, ...]
    scores: AnswerScores
    ended: tuple[bool, ...] = ()

    def row_scores(self) -> Mapping[str, Values]:
        """Return the scores of each group by which two models are compared."""
        return {"exact_match": self.scores.exact, "f1": self.scores.f1}


@dataclass(frozen=True, slots=True)
class AnsweredRows:
    """Held-out rows as the tuned model answers them, and as the base does, asked in two ways.

    The base is asked as it is (`zero_shot`) and with two conversations of the training rows before
    (`few_shot`). `encoded` are the rows with the wanted answers, as tokens.
    """

    rows: Sequence[ChatExample]
    groups: RowGroups
    wanted: Sequence[str]
    encoded: Sequence[ChatTokens]
    tuned: WrittenAnswers
    zero_shot: WrittenAnswers
    few_shot: WrittenAnswers
    of_answers: Mapping[str, float]
    """Perplexities of the wanted answers, and how much is learned."""

    def numbers(self) -> dict[str, float]:
        """Return scores and gains as metrics, with 95 % intervals over groups of rows.

        `gain` is the paired difference to the better of the ways in which the base is asked.
        """
        over_chance = group_means(f1_over_chance(self.tuned.texts, self.wanted), self.groups)
        return {
            **self.tuned.scores.numbers(),
            **self.zero_shot.scores.numbers("zero_shot_"),
            **self.few_shot.scores.numbers("few_shot_"),
            **gains(self.tuned, self.zero_shot, self.few_shot),
            **mean_interval(over_chance).numbers("f1_over_chance"),
            **self.of_answers,
        }


def answer_rows(
    network: TunedDecoder, data: DataChannel[ChatExample], judged_rows: int, seed: int
) -> AnsweredRows:
    """Answer held-out rows of a channel, `judged_rows` at most, greedily."""
    rows = drawn_rows(data.test, judged_rows, seed)
    groups = row_groups(rows)
    wanted = [row.messages[-1].content for row in rows]
    encoded = encode_conversations(network, [row.messages for row in rows], "test")
    laid = ChatRows(encoded, network.tokenizer.end)
    most = longest_answer(encoded)
    tuned = write_answers(network, rows, groups, most)
    with network.plain() as base:
        zero = write_answers(base, rows, groups, most)
        few = write_answers(base, rows, groups, most, _shots(data.train))
        base_losses, counts = answer_losses(base, laid)
    losses, _ = answer_losses(network, laid)
    of_answers = {
        "perplexity": perplexity(losses, counts),
        "base_perplexity": perplexity(base_losses, counts),
        "trainable_share": trainable_share(network),
    }
    return AnsweredRows(rows, groups, wanted, encoded, tuned, zero, few, of_answers)


def write_answers(
    model: TunedDecoder,
    rows: Sequence[ChatExample],
    groups: RowGroups,
    most: int,
    shots: Sequence[ChatTurn] = (),
) -> WrittenAnswers:
    """Return the likeliest answers to rows, of `most` tokens at most, with `shots` before each."""
    encoded, end = encoder(model.tokenizer), end_token(model)
    prompts = []
    for row in rows:
        system = [turn for turn in row.messages[:1] if turn.role == "system"]
        turns = [*system, *shots, *row.messages[len(system) :]]
        tokens = encoded.encode(turns)
        prompts.append(tokens.ids[: tokens.answer])
    chat = model.tokenizer.chat()
    written = draw_answers(model, prompts, most, end, temperature=0.0)
    ended = tuple(tokens[-1] == end for tokens in written)
    texts = tuple(
        chat.text(tokens[:-1] if done else tokens)
        for tokens, done in zip(written, ended, strict=True)
    )
    wanted = [row.messages[-1].content for row in rows]
    return WrittenAnswers(texts, score_answers(texts, wanted).by_group(groups), ended)


def _shots(rows: Sequence[ChatExample]) -> list[ChatTurn]:
    """Return the first training rows as turns before a question."""
    return [turn for row in rows[:SHOTS] for turn in row.messages if turn.role != "system"]


def gains(tuned: WrittenAnswers, zero: WrittenAnswers, few: WrittenAnswers) -> dict[str, float]:
    """Return by how much the tuned answers are better than the better ones of the base."""
    found: dict[str, float] = {}
    for name, own, others in (
        ("exact_gain", tuned.scores.exact, (zero.scores.exact, few.scores.exact)),
        ("f1_gain", tuned.scores.f1, (zero.scores.f1, few.scores.f1)),
    ):
        better = max(others, key=np.mean)
        found |= mean_interval(own - better).numbers(name)
    return found


def perplexity(losses: torch.Tensor, counts: torch.Tensor) -> float:
    """Return the perplexity of tokens, whose -log p are in `losses` by row."""
    return float(torch.exp(losses.sum() / counts.sum()))
