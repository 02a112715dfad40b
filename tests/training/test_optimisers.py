"""The optimiser of trainings, held to AdamW as the paper has it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from models.training.devices import Device
from models.training.supervised_task import adamw

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


def test_the_frozen_should_be_left_as_it_is() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    network[0].requires_grad_(False)
    settings: Any = SimpleNamespace(learning_rate=RATE, weight_decay=DECAY)
    optimiser = adamw(network, settings, Device(torch.device("cpu")))
    before = network[0].weight.clone()
    network(torch.randn(5, 3)).sum().backward()
    optimiser.step()
    assert torch.equal(network[0].weight, before)
    assert [len(each["params"]) for each in optimiser.param_groups] == [2]
