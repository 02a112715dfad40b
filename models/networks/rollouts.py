"""Texts that a decoder writes, or that a channel has, as rows of tokens from the left edge on.

Rows without padding before them need no mask where attention is causal: what follows a token does
not change what is said of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from models.networks.decoder import END, PAD, generate


@dataclass(frozen=True, slots=True)
class Written:
    """Rows of tokens. `ids` are [n, length]; of `sizes`, [n], are text; of `begun`, [n], prompt."""

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
        """Return 1 for each token of the completion, [n, length - 1]: entry i is of token i + 1, as
        log probabilities are.
        """
        places = self._places()[:, 1:]
        inside = (places >= self.begun[:, None]) & (places < self.sizes[:, None])
        return inside.to(torch.float32)

    @property
    def ended(self) -> torch.Tensor:
        """Tell of each row whether its last token is the end, [n]."""
        return self.ids.gather(1, self.sizes[:, None] - 1).squeeze(1) == END

    def completions(self) -> list[list[int]]:
        """Return the tokens after each prompt, without the end."""
        rows = zip(self.ids.tolist(), self.begun.tolist(), self.sizes.tolist(), strict=True)
        return [[each for each in row[begun:size] if each != END] for row, begun, size in rows]

    def _places(self) -> torch.Tensor:
        return torch.arange(self.ids.shape[1], device=self.ids.device)[None]


def write(
    network: nn.Module,
    prompts: torch.Tensor,
    begun: torch.Tensor,
    most: int,
    generator: torch.Generator | None = None,
) -> Written:
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
    return Written(ids, begun, sizes)
