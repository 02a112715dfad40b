"""A decoder that scores answers: its body, and a head that is read where an answer ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import nn

from chalicelib.contracts.model_manifest import TEMPLATE_FILE
from models.data.text import TOKENIZER
from models.networks.chat_tokens import ChatRows, ChatTokens
from models.networks.tuned_chats import end_token
from models.networks.tuned_decoder import TunedDecoder
from models.networks.tuned_decoder_export import HalfTable
from models.training import seeds
from models.training.recipe_code import Constant, Graph

SCORER_GRAPH = "scorer"
_STREAM = 2**31 + 6
_AT_ONCE = 16
"""Rows that are scored together."""


class AnswerScorer(nn.Module):
    """Scores answers to conversations by a linear head on the last layer of a decoder.

    The score is read at the token that ends an answer, as only there all has been said. An answer
    without it has the score `unended`: were it read at any last token, a policy would learn never
    to end on what costs it.
    """

    def __init__(self, decoder: TunedDecoder, unended: float) -> None:
        """Put a head on a decoder; its weights are drawn from torch's global stream."""
        super().__init__()
        self.decoder = decoder
        self.end = end_token(decoder)
        self.unended = unended
        width = decoder.sizes.width
        self.head = nn.Linear(width, 1, bias=False)
        nn.init.normal_(self.head.weight, std=width**-0.5)

    def forward(self, tokens: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        """Return the scores, [n], of rows [n, length] whose last tokens are at `last`, [n]."""
        hidden = self.decoder.hidden(tokens)
        there = last[:, None, None].expand(-1, 1, hidden.shape[2])
        scores = self.head(hidden.gather(1, there)).flatten().float()
        ended = tokens.gather(1, last[:, None]).flatten() == self.end
        return torch.where(ended, scores, self.unended)


def last_places(rows: Sequence[ChatTokens]) -> torch.Tensor:
    """Return where the last token of each row is, [n]."""
    return torch.tensor([len(row.ids) - 1 for row in rows])


@torch.no_grad()
def score_rows(model: AnswerScorer, rows: Sequence[ChatTokens]) -> torch.Tensor:
    """Return the score of each row, [n]."""
    laid, last = ChatRows(rows, model.decoder.tokenizer.end), last_places(rows)
    found = torch.zeros(len(rows))
    for chosen in torch.tensor(laid.sizes).argsort().split(_AT_ONCE):
        longest = int(last[chosen].max()) + 1
        found[chosen] = model(laid.tokens[chosen, :longest], last[chosen])
    return found


class ScoringGraph(nn.Module):
    """A scorer with tensors as inputs and outputs only, for export, its adapters merged."""

    def __init__(self, scorer: AnswerScorer, *, half_table: bool) -> None:
        """Copy the tuned decoder, with a table of 16 bits if asked."""
        super().__init__()
        body = scorer.decoder.merged_decoder().base_model
        if half_table:
            body.set_input_embeddings(HalfTable(body.get_input_embeddings().weight))
        self.body, self.head = body, scorer.head
        self.end, self.unended = scorer.end, scorer.unended

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the score of each row, [n], of tokens [n, length].

        `mask` [n, length] is 1 for what is text, from the left edge on, and 0 for padding after it.
        """
        count, length = tokens.shape
        places = torch.arange(length)
        later = places[None, :] > places[:, None]
        seen = torch.zeros(1, 1, length, length).masked_fill(later, torch.finfo().min)
        hidden = self.body(
            input_ids=tokens,
            attention_mask=seen.expand(count, 1, length, length),
            position_ids=places[None],
            use_cache=False,
        ).last_hidden_state
        last = mask.sum(1, keepdim=True) - 1
        there = last[:, :, None].expand(-1, -1, hidden.shape[2])
        scores = self.head(hidden.gather(1, there)).flatten()
        ended = tokens.gather(1, last).flatten() == self.end
        return torch.where(ended, scores, torch.full_like(scores, self.unended))


def scorer_graphs(scorer: AnswerScorer) -> Mapping[str, Graph]:
    """Return the graph; how many rows there are, and how long, may vary."""
    settings = scorer.decoder.settings
    stream = seeds.generator(settings.seed, _STREAM)

    def rows(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = torch.randint(scorer.decoder.sizes.vocabulary, (count, length), generator=stream)
        sizes = torch.randint(2, length + 1, (count,), generator=stream)
        mask = (torch.arange(length)[None] < sizes[:, None]).long()
        # The first row is left without its end.
        tokens[torch.arange(1, count), sizes[1:] - 1] = scorer.end
        return tokens, mask

    axes = {0: "count", 1: "length"}
    return {
        SCORER_GRAPH: Graph(
            ScoringGraph(scorer, half_table=settings.weight_bits < 32).eval(),
            inputs=("tokens", "mask"),
            outputs=("score",),
            examples=rows(2, 6),
            trial=rows(5, 17),
            varying={"tokens": axes, "mask": axes},
            weight_bits=settings.weight_bits,
            relative=True,
        )
    }


def scorer_constants(scorer: AnswerScorer) -> Mapping[str, Constant]:
    """Return the constants that are needed to score a conversation."""
    decoder = scorer.decoder
    return {
        "end": scorer.end,
        "unended": scorer.unended,
        "context": decoder.context,
        "vocabulary": decoder.sizes.vocabulary,
        "base": decoder.base.record.name,
        "way": decoder.settings.way,
        **decoder.tokenizer.marks,
    }


def scorer_files(scorer: AnswerScorer) -> Mapping[str, bytes]:
    """Return the tokenizer and the chat template."""
    tokenizer = scorer.decoder.tokenizer
    return {TOKENIZER: tokenizer.file, TEMPLATE_FILE: tokenizer.template.encode()}
