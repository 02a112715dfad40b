"""How many steps a recipe may take within a budget of seconds of a processor."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch

from models.common import seeds
from models.common.devices import Device
from models.common.failures import BadRecipe
from models.common.family import Setup, family
from models.common.group import Group
from models.common.recipe import Settings

Clock = Callable[[], float]

_FIRST, _MEASURED = 3, 20


def seconds_a_step(
    name: str, settings: Settings, channel: Path, clock: Clock = time.process_time
) -> float:
    """Return what a step of a new training takes, by the mean of 20 after 3 that are not counted.

    Raises:
        BadData: the channel is not what the recipe trains on.
    """
    torch.set_num_threads(settings.threads)
    code = family(name)
    seeds.begin(settings.seed, 0)
    network = code.network(settings)
    device = Device(torch.device("cpu"))
    task = code.task(Setup(network, code.load(channel), settings, device, Group()))
    began = 0.0
    for number in range(1, _FIRST + _MEASURED + 1):
        if number == _FIRST + 1:
            began = clock()
        seeds.begin(settings.seed, number, 0)
        task.step(number)
    return (clock() - began) / _MEASURED


def steps_within(seconds: float, a_step: float) -> int:
    """Return how many steps fit. Raises BadRecipe where not one does."""
    found = int(seconds / a_step)
    if found < 1:
        raise BadRecipe(f"seconds: is {seconds:g}, and one step takes {a_step:.3g}; give more.")
    return found
