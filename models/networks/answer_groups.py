"""Several answers to each prompt, which a tuned decoder draws and reads with the prompt read once.

Answers are often much shorter than their prompts: eight answers of 4 tokens to a prompt of 100 are
132 tokens to read, where rows of their own would be 832. The keys and values of a prompt are
shared, and gradients go through them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from models.networks.tuned_decoder import TunedDecoder


@dataclass(frozen=True, slots=True)
class AnswerGroups:
    """Prompts [n, length], and `samples` answers to each, [n * samples, k], as tokens.

    Both begin at the left edge, and `sizes` [n] are the tokens of the prompts. `mask` is 1 for
    tokens of answers, with the one that ends them.
    """

    prompts: torch.Tensor
    sizes: torch.Tensor
    answers: torch.Tensor
    mask: torch.Tensor
    samples: int

    @classmethod
    def of(
        cls, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], samples: int
    ) -> AnswerGroups:
        """Lay out prompts and their answers, of which each prompt has `samples` in a row."""
        told, _ = _laid(prompts)
        rows, mask = _laid(answers)
        return cls(told, torch.tensor([len(each) for each in prompts]), rows, mask, samples)

    def to(self, device: torch.device) -> AnswerGroups:
        """Return the groups on a device."""
        return replace(
            self,
            prompts=self.prompts.to(device),
            sizes=self.sizes.to(device),
            answers=self.answers.to(device),
            mask=self.mask.to(device),
        )


def read_groups(
    model: TunedDecoder, groups: AnswerGroups, temperature: float = 1.0
) -> torch.Tensor:
    """Return log p of each token of the answers, [n, k], by a model that draws at `temperature`.

    Where an answer has no token the numbers mean nothing.
    """
    return token_log_p(model, vectors_before(model, groups), groups, temperature)


def vectors_before(model: TunedDecoder, groups: AnswerGroups) -> torch.Tensor:
    """Return the last layer's vector before each token of the answers, [n, k, width]."""
    (count, longest), before = groups.prompts.shape, model.prefix_length()
    device = groups.prompts.device
    places = torch.arange(longest, device=device)[None]
    seen = (places < groups.sizes[:, None]).long()
    seen = torch.cat([torch.ones(count, before, dtype=torch.long, device=device), seen], dim=1)
    cache = model.start(count)
    body = model.decoder.base_model
    first = body(
        input_ids=groups.prompts,
        attention_mask=seen,
        position_ids=before + places.expand(count, -1),
        cache=cache,
        use_cache=True,
    ).last_hidden_state
    last = (groups.sizes - 1)[:, None, None].expand(-1, -1, first.shape[2])
    vectors = first.gather(1, last).repeat_interleave(groups.samples, dim=0)
    given = groups.answers[:, :-1]
    if given.shape[1]:
        cache.batch_repeat_interleave(groups.samples)
        sizes = groups.sizes.repeat_interleave(groups.samples)
        seen = seen.repeat_interleave(groups.samples, dim=0)
        told = body(
            input_ids=given,
            attention_mask=torch.cat([seen, torch.ones_like(given)], dim=1),
            position_ids=before + sizes[:, None] + torch.arange(given.shape[1], device=device),
            cache=cache,
            use_cache=True,
        ).last_hidden_state
        vectors = torch.cat([vectors, told], dim=1)
    return vectors


def token_log_p(
    model: TunedDecoder, vectors: torch.Tensor, groups: AnswerGroups, temperature: float
) -> torch.Tensor:
    """Return log p of each token of the answers, [n, k], by the vectors before them."""
    tokens = groups.answers
    head, size = model.decoder.get_output_embeddings(), model.settings.logits_at_once

    def losses(chosen: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        logits = head(chosen).float() / temperature
        return nn.functional.cross_entropy(logits, wanted, reduction="none")

    rows, wanted = vectors.flatten(0, 1), tokens.flatten()
    pieces = zip(rows.split(size), wanted.split(size), strict=True)
    found = torch.cat([checkpoint(losses, *each, use_reentrant=False) for each in pieces])
    return -found.view_as(tokens)


def _laid(rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows as tokens from the left edge on, and 1 for each that is one."""
    longest = max(map(len, rows))
    tokens, mask = (
        torch.zeros(len(rows), longest, dtype=torch.long),
        torch.zeros(len(rows), longest),
    )
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1.0
    return tokens, mask
