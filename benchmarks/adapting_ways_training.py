"""Adapts a language model in one way, in the training environment: one line of JSON in the end."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from benchmarks.memory_peak import before_and_peak, begin
from models.common import artefacts, instructions, recipe, running, seeds
from models.common.devices import DEVICE, Device
from models.common.family import Setup, family
from models.common.finishing import restored
from models.common.group import Group
from models.common.job import ROOT, TRAINING_CHANNEL, Job
from models.networks.adapting import Adapted
from models.recipes.adapted.evaluate import exact
from models.recipes.adapted.network import prefix
from models.recipes.adapted.parameters import Parameters
from models.rehearse import lay

RECIPE: Final = "adapted"
PRESET: Final = "tiny"
LARGER = {"width": 768, "inner": 2048, "layers": 8, "heads": 12}
STEPS = 3


def settings(way: str) -> dict[str, Any]:
    """Return what a way has of its own: all weights learn at another rate than a few do."""
    of_way = recipe.load(RECIPE).variants.get(way, {})
    return {**of_way, "way": way}


def task(way: str, seed: str, base: str, channel: str, into: str) -> dict[str, Any]:
    """Train the tiny preset as a job does, and ask the merged model for every held-out answer."""
    root = Path(into)
    asked = {"recipe": RECIPE, "preset": PRESET, "seed": int(seed), **settings(way)}
    lay(root, asked, {TRAINING_CHANNEL: Path(channel), "base": Path(base)})
    job = Job.of({ROOT: str(root)})
    before, cpu, wall = begin(), time.process_time(), time.perf_counter()
    running.run(job, {DEVICE: "cpu"}, lambda _line: None)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    memory = before_and_peak(before)
    parameters, network = restored(artefacts.find(job.model, root))
    assert isinstance(network, Adapted)
    assert isinstance(parameters, Parameters)
    data = instructions.read(Path(channel))
    right = exact(network.merged().eval(), data.tokenizer, data.test, prefix(parameters))
    newest = max(job.checkpoints.glob("step-*.safetensors"))
    return {
        **spent,
        **memory,
        "right": int(right.sum()),
        "asked": len(right),
        "share": network.trainable_share(),
        "checkpoint": newest.stat().st_size,
        "learned": _learned(network.tuned),
    }


def steps(way: str, channel: str) -> dict[str, Any]:
    """Do a few steps of a larger decoder of new weights: what they take, and no quality."""
    parameters = recipe.resolve(recipe.load(RECIPE), PRESET, {**settings(way), **LARGER})
    torch.set_num_threads(1)
    code = family(RECIPE)
    data = code.load(Path(channel))
    before = begin()
    seeds.begin(parameters.seed, 0)
    network = code.network(parameters)
    made = code.task(Setup(network, data, parameters, Device(torch.device("cpu")), Group()))
    spent = []
    for number in range(1, STEPS + 1):
        began = time.process_time()
        made.step(number)
        spent.append(time.process_time() - began)
    optimiser = made.parts()["optimiser"].state_dict()["state"].values()
    return {
        **before_and_peak(before),
        "step": spent[1:],
        "weights": sum(each.numel() for each in network.base.parameters()),
        "share": network.trainable_share(),
        "learned": _learned(network.tuned),
        "optimiser": sum(
            each.nbytes for row in optimiser for each in row.values() if each.dim() > 0
        ),
    }


def _learned(tuned: nn.Module) -> int:
    """Return the bytes of what learned, which is all that has to be kept beside the base."""
    return sum(int(each.nbytes) for each in tuned.parameters() if each.requires_grad)


ASKED: Mapping[str, Callable[..., dict[str, Any]]] = {"task": task, "steps": steps}

if __name__ == "__main__":
    print(json.dumps(ASKED[sys.argv[1]](*sys.argv[2:])))
