"""Which device each process takes, and how a training is started on several."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import distributed
from torch.testing._internal.distributed.fake_pg import FakeStore

import models.train
from models.failures import BadJob
from models.training.devices import count_devices, select_device
from models.training.job import EXIT_CODE, ROOT, STOP_FILE, TerminationSignal, TrainingJob
from models.training.launcher import is_idle, launch, torchrun_command
from models.training.process_group import ProcessGroup


@dataclass
class Cards:
    """A machine with some CUDA devices."""

    count: int
    chosen: list[int] = field(default_factory=list)

    def is_available(self) -> bool:
        return self.count > 0

    def current_accelerator(self) -> torch.device | None:
        return torch.device("cuda") if self.count else None

    def device_count(self) -> int:
        return self.count

    def set_device_index(self, device: int, /) -> None:
        self.chosen.append(device)


def job_on(root: Path, hosts: Sequence[str], host: str, task: str = "train") -> TrainingJob:
    """Return the job of a host, as SageMaker lays it out."""
    config = root / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    resources = {"current_host": host, "hosts": list(hosts)}
    (config / "resourceconfig.json").write_text(json.dumps(resources))
    (config / "hyperparameters.json").write_text(json.dumps({"task": task}))
    return TrainingJob.of({ROOT: str(root)})


def test_each_process_should_take_a_card_of_its_own() -> None:
    cards = Cards(4)
    found = [select_device({"LOCAL_RANK": str(rank)}, cards).torch for rank in (0, 3)]
    assert [str(each) for each in found] == ["cuda:0", "cuda:3"]
    assert cards.chosen == [0, 3]
    with pytest.raises(BadJob, match="Process 5 of this machine has no cuda of its own: there are"):
        select_device({"LOCAL_RANK": "4"}, cards)


@pytest.mark.parametrize(
    ("environ", "cards", "count"),
    [
        ({}, 0, 1),
        ({}, 8, 8),
        ({"HEADRACE_DEVICE": "cpu"}, 8, 1),
        ({"SM_NUM_NEURONS": "2"}, 0, 2),
        ({"SM_NUM_NEURONS": "0"}, 0, 1),
    ],
)
def test_every_device_should_have_a_process(
    environ: dict[str, str], cards: int, count: int
) -> None:
    assert count_devices(environ, Cards(cards)) == count


def test_a_training_should_have_processes_on_every_host(tmp_path: Path) -> None:
    alone = job_on(tmp_path / "a", ["algo-1"], "algo-1")
    assert torchrun_command(alone, 1, {}) == []
    assert {"--standalone", "--nproc-per-node=8"} <= set(torchrun_command(alone, 8, {}))
    second = job_on(tmp_path / "b", ["algo-2", "algo-1"], "algo-2")
    told = torchrun_command(second, 1, {"MASTER_PORT": "29400"})
    assert {"--nnodes=2", "--node-rank=1", "--master-addr=algo-1", "--nproc-per-node=1"} <= set(
        told
    )
    assert "--master-port=29400" in told


def test_judging_should_be_done_by_the_first_host_alone(tmp_path: Path) -> None:
    first, second = (
        job_on(tmp_path / host, ["algo-1", "algo-2"], host, "finish")
        for host in ("algo-1", "algo-2")
    )
    assert torchrun_command(first, 8, {}) == []
    assert (is_idle(first), is_idle(second)) == (False, True)
    assert models.train.main({ROOT: str(tmp_path / "algo-2")}) == 0


def test_a_host_that_is_none_of_the_job_should_be_said(tmp_path: Path) -> None:
    job_on(tmp_path, ["algo-1", "algo-2"], "algo-7")
    assert models.train.main({ROOT: str(tmp_path)}) == 1
    told = (tmp_path / "output" / "failure").read_text()
    assert told.startswith("BadJob: resourceconfig.json: current_host is 'algo-7'")


@pytest.mark.parametrize(("code", "signalled", "ended"), [(0, 1, 0), (1, 0, 1), (9, 1, EXIT_CODE)])
def test_a_launch_should_pass_sigterm_on_as_a_file(code: int, signalled: int, ended: int) -> None:
    program = f"""
import os, pathlib, signal, time
stop = pathlib.Path(os.environ["{STOP_FILE}"])
if {signalled}:
    os.kill(os.getppid(), signal.SIGTERM)
    for _ in range(500):
        if stop.exists():
            break
        time.sleep(0.01)
raise SystemExit({code} if stop.exists() == bool({signalled}) else 77)
"""
    assert launch([sys.executable, "-c", program], os.environ) == ended


def test_processes_of_a_host_should_hear_each_other(tmp_path: Path) -> None:
    here, there = (TerminationSignal.of({STOP_FILE: str(tmp_path / "stop")}) for _ in range(2))
    assert not there.asked
    here.ask()
    assert there.asked


def test_what_processes_tell_each_other_should_lie_on_their_device() -> None:
    """As NCCL reduces no tensor of a CPU. Tensors of `meta` cannot be read, which shows where the
    reduced one lies.
    """
    store: Any = FakeStore
    distributed.init_process_group("fake", rank=0, world_size=2, store=store())
    try:
        group = ProcessGroup(0, 2, torch.device("meta"))
        with pytest.raises(RuntimeError, match="meta"):
            group.any(asked=True)
        with pytest.raises(RuntimeError, match="meta"):
            group.agrees(3)
        with pytest.raises(RuntimeError, match="meta"):
            group.mean(1.5)
    finally:
        distributed.destroy_process_group()
