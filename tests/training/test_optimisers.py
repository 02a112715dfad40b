"""The optimiser of trainings, held to AdamW as the paper has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from models.training.devices import Device
from models.training.supervised_task import adamw, decay_groups

RATE, DECAY, BETAS, EPSILON = 0.1, 0.05, (0.8, 0.95), 1e-8


def test_steps_should_be_those_of_the_paper() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    settings: Any = SimpleNamespace(learning_rate=RATE, weight_decay=DECAY)
    optimiser = adamw(network, settings, Device(torch.device("cpu")), BETAS)
    weights = network.weight.detach().numpy().astype(np.float64)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, 4):
        optimiser.zero_grad()
        network(torch.randn(5, 3)).square().sum().backward()
        assert network.weight.grad is not None
        gradient = network.weight.grad.numpy().astype(np.float64)
        optimiser.step()
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        moved = first / (1 - BETAS[0] ** step)
        scale = np.sqrt(second / (1 - BETAS[1] ** step)) + EPSILON
        weights = weights - RATE * DECAY * weights - RATE * moved / scale
        assert network.weight.detach().numpy() == pytest.approx(weights, abs=1e-6)


LAYERS: Mapping[str, Callable[[], nn.Module]] = {
    "linear": lambda: nn.Linear(3, 2),
    "convolution": lambda: nn.Conv2d(2, 3, 3),
    "embedding": lambda: nn.Embedding(5, 3),
    "norm": lambda: nn.LayerNorm(4),
    "groups": lambda: nn.GroupNorm(2, 4),
    "temperature": lambda: nn.ParameterDict({"logit_scale": nn.Parameter(torch.tensor(2.0))}),
    "attention": lambda: nn.MultiheadAttention(4, 2),
}
_DECAYED = {"linear.weight", "convolution.weight", "in_proj_weight", "out_proj.weight"}


@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=8), st.floats(0.001, 0.5))
def test_decay_should_take_weights_that_multiply_and_leave_the_rest(
    kinds: list[str], decay: float
) -> None:
    """A step without a gradient is decay alone: it shrinks some weights and moves no other."""
    network = nn.ModuleDict()
    for number, kind in enumerate(kinds):
        network[f"{number}"] = nn.ModuleDict({kind: LAYERS[kind]()})
    for each in network.parameters():
        nn.init.constant_(each, 1.0)
        each.grad = torch.zeros_like(each)
    settings: Any = SimpleNamespace(learning_rate=RATE, weight_decay=decay)
    adamw(network, settings, Device(torch.device("cpu"))).step()
    for name, each in network.named_parameters():
        shrunk = any(name.endswith(told) for told in _DECAYED)
        wanted = 1 - RATE * decay if shrunk else 1.0
        assert torch.allclose(each, torch.tensor(wanted)), name


class Prompted(nn.Module):
    """A layer with a soft prompt before its inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3, bias=False)
        self.prompt = nn.Parameter(torch.ones(2, 3))

    def no_weight_decay(self) -> tuple[str, ...]:
        return ("prompt",)


def test_what_a_module_names_should_not_be_decayed() -> None:
    network = nn.Sequential(Prompted(), nn.Linear(3, 1))
    named = {id(each): name for name, each in network.named_parameters()}
    decayed, others = decay_groups(network, 0.1)
    assert {named[id(each)] for each in decayed["params"]} == {"0.layer.weight", "1.weight"}
    assert {named[id(each)] for each in others["params"]} == {"0.prompt", "1.bias"}


def test_the_frozen_should_be_left_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    network[0].requires_grad_(False)
    settings: Any = SimpleNamespace(learning_rate=RATE, weight_decay=DECAY)
    optimiser = adamw(network, settings, Device(torch.device("cpu")))
    before = network[0].weight.clone()
    network(torch.randn(5, 3)).sum().backward()
    optimiser.step()
    assert torch.equal(network[0].weight, before)
    assert sum(len(each["params"]) for each in optimiser.param_groups) == 2
