"""Preference pairs as rows of tokens, and what a tuned decoder and its base make of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass

import torch
from torch.nn import functional

from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.tuned_chats import encode_conversations
from models.networks.tuned_decoder import TunedDecoder, judged_together
from models.training_data.rows import ChatTurn, PreferenceExample


def encode_answers(
    model: TunedDecoder,
    prompts: Sequence[Sequence[ChatTurn]],
    answers: Sequence[str],
    part: str,
) -> list[ChatTokens]:
    """Return conversations and their next answers as tokens, of which the answer alone counts.

    Raises:
        BadData: one does not fit; the line is named.
    """
    rows = answered(prompts, answers)
    return [answer_alone(row) for row in encode_conversations(model, rows, part)]


def answered(
    prompts: Sequence[Sequence[ChatTurn]], answers: Sequence[str]
) -> list[Sequence[ChatTurn]]:
    """Return conversations with their next answers."""
    return [
        (*turns, ChatTurn(role="assistant", content=text))
        for turns, text in zip(prompts, answers, strict=True)
    ]


def answer_alone(row: ChatTokens) -> ChatTokens:
    """Return a row of which earlier answers are not learned."""
    learned = (int(at >= row.answer) for at in range(len(row.ids)))
    return ChatTokens(row.ids, tuple(learned), row.answer)


def encode_pairs(
    model: TunedDecoder, pairs: Sequence[PreferenceExample], part: str
) -> tuple[list[ChatTokens], list[ChatTokens]]:
    """Return the chosen and the rejected rows as tokens. Raises BadData, naming the line."""
    prompts = [pair.messages for pair in pairs]
    return (
        encode_answers(model, prompts, [pair.chosen for pair in pairs], part),
        encode_answers(model, prompts, [pair.rejected for pair in pairs], part),
    )


@dataclass(frozen=True, slots=True)
class ReadAnswers:
    """What a model makes of answers: log p of each in nats, [n], and its tokens, [n].

    `vectors` are the means of the last layer's over an answer, [n, width].
    """

    log_p: torch.Tensor
    tokens: torch.Tensor
    vectors: torch.Tensor


@torch.no_grad()
def read_answers(model: TunedDecoder, rows: Sequence[ChatTokens]) -> ReadAnswers:
    """Read the answers of rows by a model, in one pass."""
    laid = ChatRows(rows, model.tokenizer.end)
    sums, means = [], []
    for chosen in judged_together(model, laid):
        tokens, places, weights = _cut(laid, chosen)
        vectors = _at_places(model, tokens, places)
        logits = _logits(model, vectors)
        wanted = tokens.gather(1, (places + 1).clamp(max=tokens.shape[1] - 1))
        each = functional.cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
        sums.append(-(each * weights).sum(dim=1))
        means.append((vectors * weights[:, :, None]).sum(1) / weights.sum(1, keepdim=True))
    return ReadAnswers(torch.cat(sums), laid.weights.sum(dim=1), torch.cat(means))


@torch.no_grad()
def answer_divergences(model: TunedDecoder, rows: Sequence[ChatTokens]) -> torch.Tensor:
    """Return the sum of KL(tuned || base) of next tokens over each answer, in nats, [n].

    The mean over answers that the tuned model drew is the KL of whole answers.
    """
    laid, found = ChatRows(rows, model.tokenizer.end), []
    with ExitStack() as opened:
        # A base beside tuned weights is loaded, and an adapter is only turned off.
        loaded = opened.enter_context(model.plain()) if model.in_weights else None
        for chosen in judged_together(model, laid):
            tokens, places, weights = _cut(laid, chosen)
            ours = functional.log_softmax(_logits(model, _at_places(model, tokens, places)), dim=2)
            with model.plain() if loaded is None else nullcontext(loaded) as base:
                vectors = _at_places(base, tokens, places)
                theirs = functional.log_softmax(_logits(base, vectors), dim=2)
            found.append(((ours.exp() * (ours - theirs)).sum(2) * weights).sum(1))
    return torch.cat(found)


def _cut(rows: ChatRows, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    longest = max(rows.sizes[at] for at in chosen.tolist())
    return rows.tokens[chosen, :longest], rows.places[chosen], rows.weights[chosen]


def _at_places(model: TunedDecoder, tokens: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    hidden = model.hidden(tokens)
    return hidden.gather(1, places[:, :, None].expand(-1, -1, hidden.shape[2]))


def _logits(model: TunedDecoder, vectors: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = model.decoder.get_output_embeddings()(vectors).float()
    return found
