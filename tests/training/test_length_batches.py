"""Batches of texts by their length."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.data.token_rows import TokenRows
from models.training.length_batches import WIDTHS, LengthBatches
from models.training.process_group import ProcessGroup
from models.training.settings import RecipeSettings

SETTINGS = RecipeSettings(steps=1, batch=4, learning_rate=0.1, seed=7)
SIZES = st.lists(st.integers(2, 70), min_size=4, max_size=60)


def batches_of(sizes: list[int], group: ProcessGroup | None = None) -> LengthBatches:
    rows = TokenRows([[1] * size for size in sizes], 0)
    numbers = torch.arange(len(sizes))
    return LengthBatches(sizes, rows.tensors, [numbers], SETTINGS, group or ProcessGroup())


@given(SIZES)
def test_an_epoch_should_have_each_row_once_and_whole(sizes: list[int]) -> None:
    batches = batches_of(sizes)
    seen = []
    for number in range(1, batches.per_epoch + 1):
        _, mask, rows = batches.at(number)
        assert mask.sum(1).tolist() == [sizes[row] for row in rows]
        assert mask.shape[1] in {*WIDTHS, max(sizes)}
        seen += rows.tolist()
    assert len(seen) == len(set(seen)) == len(sizes) // 4 * 4


def test_a_step_should_have_the_same_rows_whenever_it_is_asked_for() -> None:
    sizes = [number % 30 + 2 for number in range(50)]
    one, other = batches_of(sizes), batches_of(sizes)
    wanted = {number: one.at(number)[2].tolist() for number in range(1, 30)}
    assert all(other.at(number)[2].tolist() == wanted[number] for number in (29, 3, 17))
    first, second = range(1, 1 + one.per_epoch), range(1 + one.per_epoch, 1 + 2 * one.per_epoch)
    assert [wanted[n] for n in first] != [wanted[n] for n in second]


def test_processes_should_share_each_batch() -> None:
    sizes = [number % 30 + 2 for number in range(50)]
    alone = batches_of(sizes)
    both = [batches_of(sizes, ProcessGroup(rank, 2)) for rank in (0, 1)]
    for number in (1, 9):
        parts = [each.at(number)[2] for each in both]
        assert torch.equal(torch.cat(parts), alone.at(number)[2])


def test_little_of_a_batch_should_be_padding() -> None:
    sizes = [5] * 400 + [60] * 40
    batches = batches_of(sizes)
    given = sum(batches.at(number)[1].numel() for number in range(1, batches.per_epoch + 1))
    assert given == 400 * 16 + 40 * 60


def test_too_few_rows_should_be_told() -> None:
    with pytest.raises(ValueError, match="3 rows, fewer than a batch of 4"):
        batches_of([3, 4, 5])
