"""Validation rows of a training: its loss on them, the best weights, and when to stop.

The rows are a part of the training's own, drawn by the seed: those that judge the model are never
seen. Loss and chance are the same at every look, and so in every process of a group.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from models.failures import BadRecipe
from models.training import seeds
from models.training.checkpoints import Stateful
from models.training.settings import RecipeSettings

_STREAM = 1_000_033


def split_numbers(groups: Sequence[int], settings: RecipeSettings) -> tuple[list[int], list[int]]:
    """Return the numbers of the rows to learn and of those to validate on, in their order.

    `groups` has the group of each row. A group is on one side: of groups in an order by the seed,
    those that still fit into the share are validated on.

    Raises:
        BadRecipe: the share leaves no row on one of the sides.
    """
    members: dict[int, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    count, every = len(groups), list(members.values())
    wanted = round(count * settings.validation_share)
    order = torch.randperm(len(every), generator=seeds.generator(settings.seed, _STREAM))
    held: set[int] = set()
    for at in order.tolist():
        if len(held) + len(every[at]) <= wanted:
            held.update(every[at])
    if not 0 < len(held) < count:
        smallest = min(map(len, every))
        larger = f", and the smallest group of rows has {smallest}" if smallest > wanted else ""
        raise BadRecipe(
            f"validation_share: {settings.validation_share:g} of {count} rows is {wanted}{larger}; "
            "give one that leaves rows on both sides."
        )
    return [row for row in range(count) if row not in held], sorted(held)


@dataclass(slots=True)
class Validation:
    """Looks at the loss on `rows` every so often; a part of checkpoints.

    `kept` is what the best weights are of. `best` is the lowest loss, and `missed` how many looks
    in a row were no better.
    """

    rows: Sequence[torch.Tensor]
    settings: RecipeSettings
    kept: Stateful
    best: float = math.inf
    best_step: int = 0
    missed: int = 0
    _weights: dict[str, torch.Tensor] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Return whether the loss has not fallen for `patience` looks."""
        patience = self.settings.patience
        return patience is not None and self.missed >= patience

    def is_due(self, number: int) -> bool:
        """Return whether a look follows step `number`."""
        last = number == self.settings.steps
        return last or number % self.settings.validate_every == 0

    @torch.no_grad()
    def look(self, number: int, loss: Callable[[Sequence[torch.Tensor]], torch.Tensor]) -> float:
        """Measure the loss on all rows, as a mean over batches by their rows, and keep the best.

        At the end, the weights become the best that were seen.
        """
        seeds.seed_all(self.settings.seed, _STREAM)
        size, count = self.settings.batch, len(self.rows[0])
        found = sum(
            float(loss([each[start : start + size] for each in self.rows]))
            * min(size, count - start)
            for start in range(0, count, size)
        )
        told = found / count
        if told < self.best:
            self.best, self.best_step, self.missed = told, number, 0
            self._weights = {
                name: each.detach().to("cpu", copy=True)
                for name, each in self.kept.state_dict().items()
            }
        else:
            self.missed += 1
        if (self.ended or number == self.settings.steps) and self._weights:
            self.kept.load_state_dict(self._weights)
        return told

    def state_dict(self) -> dict[str, Any]:
        """Return the best loss, its step and weights, and the looks since."""
        return {
            "best": self.best if self._weights else None,
            "best_step": self.best_step,
            "missed": self.missed,
            "weights": self._weights,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> None:
        """Restore them."""
        best = state_dict["best"]
        self.best = math.inf if best is None else float(best)
        self.best_step = int(state_dict["best_step"])
        self.missed = int(state_dict["missed"])
        self._weights = dict(state_dict["weights"])


def with_validation(
    rows: Sequence[torch.Tensor],
    settings: RecipeSettings,
    kept: Stateful,
    groups: Sequence[int] | None = None,
) -> tuple[Sequence[torch.Tensor], Validation | None]:
    """Return the rows to learn, and the validation of a training that holds some back.

    `groups` has the group of each row, which is on one side; None for rows that have nothing to do
    with each other.

    Raises:
        BadRecipe: the share leaves no row on one of the sides.
    """
    if not settings.validation_share:
        return rows, None
    learned, held = split_numbers(range(len(rows[0])) if groups is None else groups, settings)
    validation = Validation([each[held] for each in rows], settings, kept)
    return [each[learned] for each in rows], validation
