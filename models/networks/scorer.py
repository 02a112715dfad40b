"""A reward model: a decoder whose last hidden state becomes one number instead of a next token.

L. Ouyang et al., Training language models to follow instructions, https://arxiv.org/abs/2203.02155
"""

from __future__ import annotations

import torch
from torch import nn

from models.networks.decoder import END, decoder
from models.networks.decoder_settings import DecoderSettings


class Scorer(nn.Module):
    """Scores whole texts; what has not come to its end gets `unended`, whatever it says.

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
