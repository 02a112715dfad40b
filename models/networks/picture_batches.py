"""Batches of rows on pictures, in which the rows of one picture come together."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from models.training import seeds
from models.training.process_group import ProcessGroup
from models.training.settings import RecipeSettings

_STREAM = 1_000_041


class PictureBatches:
    """Batches whose rows are of as few pictures as may be, so that each is looked at once.

    Pictures, and the rows of each, are shuffled each epoch; an incomplete last batch is dropped.
    Which rows a step has depends on the seed and its number alone.
    """

    def __init__(
        self,
        pictures: torch.Tensor,
        rows: Sequence[torch.Tensor],
        settings: RecipeSettings,
        group: ProcessGroup,
    ) -> None:
        """Batch tensors of equal length; `pictures` has the number of each row's, [n].

        Raises:
            ValueError: there are fewer rows than a batch has.
        """
        self._pictures, self._rows = pictures, rows
        self._settings, self._group = settings, group
        self._share = group.share(settings.batch)
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.long)
        self.per_epoch = len(pictures) // settings.batch
        if not self.per_epoch:
            raise ValueError(
                f"The data has {len(pictures)} rows, fewer than a batch of {settings.batch}; give "
                "a smaller batch or more data."
            )

    def at(self, number: int) -> list[torch.Tensor]:
        """Return this process's rows of step `number`, from 1 on."""
        epoch, place = divmod(number - 1, self.per_epoch)
        if epoch != self._epoch:
            self._order, self._epoch = self._shuffled(epoch), epoch
        start = place * self._settings.batch + self._group.rank * self._share
        chosen = self._order[start : start + self._share]
        return [rows[chosen] for rows in self._rows]

    def _shuffled(self, epoch: int) -> torch.Tensor:
        drawn = seeds.generator(self._settings.seed, epoch, _STREAM)
        rows = torch.randperm(len(self._pictures), generator=drawn)
        places = torch.randperm(int(self._pictures.max()) + 1, generator=drawn)
        return rows[places[self._pictures[rows]].argsort(stable=True)]
