"""Batches of texts by their length.

A batch has texts of a like length, padded to one of a few widths: little is padding, and XLA
compiles one graph a width.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

import torch

from models.training import seeds
from models.training.process_group import ProcessGroup
from models.training.settings import RecipeSettings

WIDTHS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192)
"""The widths of batches, in tokens."""

_STREAM = 1_000_003


class LengthBatches:
    """Batches of rows of a like length, shuffled each epoch.

    The rest of a width that fills no batch goes to the next width; the rest of the last is left
    out of this epoch. Which rows a step has depends on the seed and its number alone, and each
    process of a group has rows of its own.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        cut: Sequence[torch.Tensor],
        whole: Sequence[torch.Tensor],
        settings: RecipeSettings,
        group: ProcessGroup,
    ) -> None:
        """Batch tensors of equal length.

        Args:
            sizes: the tokens of each row.
            cut: tensors [n, length, …] that are cut to the width of a batch.
            whole: tensors [n, …] that are not.
            settings: with the rows of a batch, and the seed.
            group: the processes that share a batch.

        Raises:
            ValueError: there are fewer rows than a batch has.
        """
        self._cut, self._whole = cut, whole
        self._settings, self._group = settings, group
        self._share = group.share(settings.batch)
        longest = max(sizes, default=0)
        self._widths = [*WIDTHS[: bisect_left(WIDTHS, longest)], longest]
        places = torch.tensor([bisect_left(self._widths, size) for size in sizes])
        self._by_width = [torch.nonzero(places == at)[:, 0] for at in range(len(self._widths))]
        self._epoch = -1
        self._batches: list[tuple[int, torch.Tensor]] = []
        self.per_epoch = len(sizes) // settings.batch
        if not self.per_epoch:
            raise ValueError(
                f"The data has {len(sizes)} rows, fewer than a batch of {settings.batch}; give a "
                "smaller batch or more data."
            )

    def at(self, number: int) -> list[torch.Tensor]:
        """Return this process's rows of step `number`, from 1 on: those cut, then the whole."""
        epoch, place = divmod(number - 1, self.per_epoch)
        if epoch != self._epoch:
            self._batches = self._shuffled(epoch)
            self._epoch = epoch
        width, rows = self._batches[place]
        start = self._group.rank * self._share
        rows = rows[start : start + self._share]
        return [*(each[rows, :width] for each in self._cut), *(each[rows] for each in self._whole)]

    def _shuffled(self, epoch: int) -> list[tuple[int, torch.Tensor]]:
        drawn = seeds.generator(self._settings.seed, epoch, _STREAM)
        batches: list[tuple[int, torch.Tensor]] = []
        rest = torch.empty(0, dtype=torch.long)
        for width, rows in zip(self._widths, self._by_width, strict=True):
            mixed = rows[torch.randperm(len(rows), generator=drawn)]
            # What is left of a smaller width comes first, so that no row waits for long.
            pieces = torch.cat([rest, mixed]).split(self._settings.batch)
            full = [each for each in pieces if len(each) == self._settings.batch]
            batches += [(width, each) for each in full]
            rest = torch.cat([pieces[-1]]) if len(pieces) > len(full) else rest[:0]
        order = torch.randperm(len(batches), generator=drawn)
        return [batches[at] for at in order.tolist()]
