"""What a training learns, apart from its base."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from models.failures import BadData
from models.training.learned_weights import LearnedWeights


def network() -> nn.Sequential:
    made = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    made[0].requires_grad_(False)
    return made


def test_the_frozen_base_is_in_no_state() -> None:
    kept = LearnedWeights(network())
    assert sorted(kept.state_dict()) == ["1.bias", "1.weight"]
    assert kept.count == 2 * 3 + 2


def test_layers_that_freeze_later_stay_in_the_state() -> None:
    made = network()
    kept = LearnedWeights(made)
    made[1].requires_grad_(False)
    assert sorted(kept.state_dict()) == ["1.bias", "1.weight"]


def test_learned_weights_are_restored_over_the_base() -> None:
    one, other = network(), network()
    before = other[0].weight.clone()
    LearnedWeights(other).load_state_dict(LearnedWeights(one).state_dict())
    assert torch.equal(other[1].weight, one[1].weight)
    assert torch.equal(other[0].weight, before)


def test_weights_of_another_way_are_refused() -> None:
    kept = LearnedWeights(network())
    with pytest.raises(BadData, match=r"1\.bias"):
        kept.load_state_dict({"1.weight": torch.zeros(2, 3)})
    with pytest.raises(BadData, match="shape"):
        kept.load_state_dict({"1.weight": torch.zeros(3, 3), "1.bias": torch.zeros(2)})


def test_weights_that_a_move_replaces_should_be_those_that_are_kept() -> None:
    made = network()
    kept = LearnedWeights(made)
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # as for XLA's devices
    try:
        made.to(torch.float64)
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
    assert {each.dtype for each in kept.state_dict().values()} == {torch.float64}
