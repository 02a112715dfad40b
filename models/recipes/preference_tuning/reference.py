"""The log probabilities of training pairs by the base: computed once, and kept in checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from models.networks.chat_tokens import ChatRows
from models.networks.tuned_decoder import TunedDecoder, judged_together
from models.recipes.preference_tuning.parameters import Parameters
from models.training.devices import Device


class ReferenceScores:
    """Log p of chosen and of rejected answers by the base, in nats; a part of checkpoints.

    They are computed when they are first asked for, unless a checkpoint has them. The base is the
    network without what is tuned on it, so that there is no second copy.
    """

    def __init__(
        self, model: TunedDecoder, rows: ChatRows, parameters: Parameters, device: Device
    ) -> None:
        """Take rows: those of the chosen answers, and as many of the rejected after them."""
        self._model, self._rows, self._device = model, rows, device
        self._mixed = parameters.precision == "bf16"
        self._scores: torch.Tensor | None = None

    def of(self, pairs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log p of the chosen and the rejected answers of pairs, by their numbers."""
        if self._scores is None:
            self._scores = self._computed()
        chosen, rejected = self._scores.to(pairs.device).chunk(2)
        return chosen[pairs], rejected[pairs]

    @torch.no_grad()
    def _computed(self) -> torch.Tensor:
        rows, kind = self._rows, self._device.kind
        order = torch.tensor(rows.sizes).argsort()
        found = torch.zeros(len(order))
        with (
            self._model.plain() as base,
            torch.autocast(kind, torch.bfloat16, enabled=self._mixed),
        ):
            base.to(self._device.torch)
            for part in judged_together(base, rows):
                chosen = order[part]
                longest = max(rows.sizes[at] for at in chosen.tolist())
                given = (rows.tokens[chosen, :longest], rows.places[chosen], rows.weights[chosen])
                tokens, places, weights = (each.to(self._device.torch) for each in given)
                each = base(tokens, places)
                found[chosen] = -(each * weights).sum(1).float().cpu()
        return found

    def state_dict(self) -> dict[str, Any]:
        """Return the scores, if they are computed."""
        return {"scores": self._scores}

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Restore them."""
        self._scores = state_dict["scores"]
