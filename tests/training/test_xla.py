"""How often XLA compiles and runs, counted on its CPU device; `make xla` installs it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedModel

from models.networks.tower_training import shift_pictures
from models.training import seeds
from models.training.devices import Device, move_network, select_device
from models.training.loop import StepSchedule, train
from tests.training.tasks import SETTINGS, Bench, line_task
from tests.training.tiny_bases import tiny_network

pytest.importorskip("torch_xla", reason="torch_xla is not installed here; `make xla` does it")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    """XLA's device of the CPU."""
    monkeypatch.setenv("PJRT_DEVICE", "CPU")
    found = select_device({"HEADRACE_DEVICE": "xla"})
    assert found.lazy
    return found


def counted() -> Mapping[str, int]:
    """Return how many graphs were compiled and executed since the counts were cleared."""
    from torch_xla.debug import metrics

    executed = metrics.metric_data("ExecuteTime")
    return {
        "compiled": metrics.counter_value("UncachedCompile") or 0,
        "executed": executed[0] if executed else 0,
    }


def clear_counts() -> None:
    from torch_xla.debug import metrics

    metrics.clear_all()


def test_a_step_should_run_as_one_graph(device: Device, tmp_path: Path) -> None:
    """The first step makes the state of the optimiser, which the others have."""
    settings = SETTINGS.model_copy(update={"steps": 8, "clip_norm": 1.0})
    task = line_task(settings, device=device)
    place = replace(Bench(tmp_path).place(), device=device)
    clear_counts()
    measured = train(task, StepSchedule(8, 100, 0), place)
    assert math.isfinite(measured["loss"])
    assert counted() == {"compiled": 2, "executed": 8}


def test_a_head_should_stay_tied_to_its_embeddings(device: Device) -> None:
    moved = move_network(tiny_network("llama"), device)
    assert isinstance(moved, PreTrainedModel)
    assert moved.get_output_embeddings().weight is moved.get_input_embeddings().weight
    assert moved.get_output_embeddings().weight.device.type == "xla"


def test_a_shift_should_be_no_new_graph(device: Device) -> None:
    pixels = torch.rand(2, 3, 8, 6).to(device.torch)
    device.end_step()
    clear_counts()
    for number in range(6):
        seeds.seed_all(0, number)
        shifted = shift_pictures(pixels, 2)
        device.end_step()
        assert shifted.shape == pixels.shape
    assert counted()["compiled"] == 1
