"""Completions as rows of tokens, sampled or from a channel, and the reward model.

Rows begin at the left edge. They need no mask under causal attention, since padding after a token
does not change its logits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from models.data.review_pairs import Pair, Review, ReviewTokenizer, token_rows
from models.data.text import END, PAD
from models.failures import BadRecipe
from models.networks.decoder import decoder, generate
from models.networks.settings import DecoderSettings


@dataclass(frozen=True, slots=True)
class CompletionRows:
    """Rows of tokens, [n, length], with the lengths of prompt and of text, [n] each."""

    ids: torch.Tensor
    begun: torch.Tensor
    sizes: torch.Tensor

    @property
    def tensors(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return ids, begun and sizes, as a batch has them."""
        return self.ids, self.begun, self.sizes

    @property
    def mask(self) -> torch.Tensor:
        """Return 1 for text and 0 for padding, [n, length], integers."""
        return (self._places() < self.sizes[:, None]).long()

    @property
    def answered(self) -> torch.Tensor:
        """Return 1 for each token of the completion, else 0, [n, length - 1].

        Entry i is of token i + 1, as in log probabilities.
        """
        places = self._places()[:, 1:]
        inside = (places >= self.begun[:, None]) & (places < self.sizes[:, None])
        return inside.to(torch.float32)

    @property
    def ended(self) -> torch.Tensor:
        """Return whether each row ends with END, [n]."""
        return self.ids.gather(1, self.sizes[:, None] - 1).squeeze(1) == END

    def completions(self) -> list[list[int]]:
        """Return the tokens after each prompt, without the end."""
        rows = zip(self.ids.tolist(), self.begun.tolist(), self.sizes.tolist(), strict=True)
        return [[each for each in row[begun:size] if each != END] for row, begun, size in rows]

    def _places(self) -> torch.Tensor:
        return torch.arange(self.ids.shape[1], device=self.ids.device)[None]


def draw_completions(
    network: nn.Module,
    prompts: torch.Tensor,
    begun: torch.Tensor,
    most: int,
    generator: torch.Generator | None = None,
) -> CompletionRows:
    """Draw a completion of `most` tokens at most for each prompt, at temperature 1.

    Prompts are [n, length], of which `begun`, [n], are text; what comes back is [n, length + most],
    whatever was drawn. Without a generator chance is torch's global stream.
    """
    count, wide = prompts.shape
    places = torch.arange(wide, device=prompts.device)[None]
    shift = (wide - begun)[:, None]
    from_right = prompts.gather(1, (places - shift).clamp(min=0))
    mask = (places >= shift).long()
    drawn = generate(
        network, from_right * mask, most, mask=mask, temperature=1.0, generator=generator
    )
    rest = torch.full((count, most - drawn.shape[1]), PAD, device=drawn.device)
    drawn = torch.cat([drawn, rest], dim=1)
    ended = drawn == END
    sizes = begun + torch.where(ended.any(1), ended.int().argmax(1) + 1, most)
    room = torch.full_like(drawn, PAD)
    ids = torch.cat([prompts, room], dim=1).scatter(
        1, begun[:, None] + torch.arange(most, device=drawn.device)[None], drawn
    )
    return CompletionRows(ids, begun, sizes)


def completion_rows(
    vocabulary: ReviewTokenizer, texts: Sequence[tuple[str, str]], length: int
) -> CompletionRows:
    """Return rows of prompts and completions; raise BadData as `review_pairs.token_rows` does."""
    found = token_rows(vocabulary, texts, length)
    return CompletionRows(
        *(torch.from_numpy(each) for each in (found.ids, found.begun, found.sizes))
    )


def pair_rows(
    vocabulary: ReviewTokenizer, pairs: Sequence[Pair], length: int
) -> tuple[CompletionRows, CompletionRows]:
    """Return the chosen and the rejected rows. Raises BadData, as `token_rows` does."""
    return (
        completion_rows(vocabulary, [(each.prompt, each.chosen) for each in pairs], length),
        completion_rows(vocabulary, [(each.prompt, each.rejected) for each in pairs], length),
    )


def prompt_rows(
    vocabulary: ReviewTokenizer, rows: Sequence[Review | Pair], context: int, most: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the prompts of rows, [n, context - most], and their sizes, [n].

    Raises:
        BadRecipe: `most` leaves no room in `context`.
        BadData: a prompt is longer than what is left.
    """
    room = context - most
    if room < 1:
        raise BadRecipe(f"most: is {most} and has to be less than context, which is {context}.")
    found = token_rows(vocabulary, [(each.prompt, "") for each in rows], room)
    return torch.from_numpy(found.ids), torch.from_numpy(found.sizes)


class RewardScorer(nn.Module):
    """Scores whole texts; a text without END gets the score `unended`.

    A score is read at the end token, as only there all has been said. Were it read at any last
    token, a policy would learn never to end on what costs it.
    """

    def __init__(self, settings: DecoderSettings, unended: float) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.body = decoder(settings).model
        self.head = nn.Linear(settings.width, 1)
        self.unended: torch.Tensor
        self.register_buffer("unended", torch.tensor(unended))

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the score of each row, [n], of tokens [n, length].

        `mask` [n, length] is 1 for what is text, from the left edge on, and 0 for padding after it.
        """
        hidden = self.body(input_ids=tokens, use_cache=False).last_hidden_state
        last = mask.sum(1, keepdim=True) - 1
        there = last[:, :, None].expand(-1, -1, hidden.shape[2])
        scores = self.head(hidden.gather(1, there)).flatten()
        ended = tokens.gather(1, last).flatten() == END
        return torch.where(ended, scores, self.unended)
