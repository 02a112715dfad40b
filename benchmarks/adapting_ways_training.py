"""Adapt a language model in one way, in the training environment; print one line of JSON."""

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
from models.data import instructions
from models.jobs import runner
from models.jobs.finish import restore_network
from models.networks.adapted_decoder import AdaptedDecoder
from models.recipes.adapted.network import prefix
from models.recipes.adapted.parameters import Parameters
from models.recipes.adapted.recipe import exact
from models.rehearse import lay_out_job
from models.training import artefacts, recipe, seeds
from models.training.devices import DEVICE, Device
from models.training.job import ROOT, TRAINING_CHANNEL, TrainingJob
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup, recipe_code

RECIPE: Final = "adapted"
PRESET: Final = "tiny"
LARGER = {"width": 768, "inner": 2048, "layers": 8, "heads": 12}
STEPS = 3


def settings(way: str) -> dict[str, Any]:
    """Return the settings of a way: full fine-tuning has another learning rate than adapters."""
    of_way = recipe.load(RECIPE).variants.get(way, {})
    return {**of_way, "way": way}


def task(way: str, seed: str, base: str, channel: str, into: str) -> dict[str, Any]:
    """Train the tiny preset as a job does, and generate every held-out answer."""
    root = Path(into)
    request = {"recipe": RECIPE, "preset": PRESET, "seed": int(seed), **settings(way)}
    lay_out_job(root, request, {TRAINING_CHANNEL: Path(channel), "base": Path(base)})
    job = TrainingJob.of({ROOT: str(root)})
    before, cpu, wall = begin(), time.process_time(), time.perf_counter()
    runner.run_job(job, {DEVICE: "cpu"}, lambda _line: None)
    spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    memory = before_and_peak(before)
    parameters, network = restore_network(artefacts.read_training(job.model, root))
    assert isinstance(network, AdaptedDecoder)
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
    """Run a few steps of a larger decoder with new weights: their costs, and no quality."""
    parameters = recipe.resolve(recipe.load(RECIPE), PRESET, {**settings(way), **LARGER})
    torch.set_num_threads(1)
    code = recipe_code(RECIPE)
    data = code.load(Path(channel))
    before = begin()
    seeds.seed_all(parameters.seed, 0)
    network = code.network(parameters)
    made = code.task(
        TaskSetup(network, data, parameters, Device(torch.device("cpu")), ProcessGroup())
    )
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
    """Return the bytes of the trained weights, which must be kept beside the base."""
    return sum(int(each.nbytes) for each in tuned.parameters() if each.requires_grad)


ASKED: Mapping[str, Callable[..., dict[str, Any]]] = {"task": task, "steps": steps}

if __name__ == "__main__":
    print(json.dumps(ASKED[sys.argv[1]](*sys.argv[2:])))
