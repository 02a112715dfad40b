"""The entry point of jobs: what SageMaker starts, stops and starts again."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import models.train
from models.rehearse import lay_out_job
from models.training.job import ROOT, TrainingJob
from models.training.metrics import HISTORY, read_history
from tests.training.conftest import PROJECT, Channel, Smoke, weights_of

ASKED = {"recipe": "vae", "preset": "smoke", "steps": 400, "checkpoint_every": 150}
TIMEOUT_S = 110


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, ROOT: str(root), "OMP_NUM_THREADS": "1"}


def started(root: Path, also: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "models.train"],
        cwd=PROJECT,
        env={**environment(root), **(also or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, said


def test_should_keep_what_it_has_at_sigterm_and_go_on_to_the_same_end(
    tmp_path: Path, digits: Path
) -> None:
    for name in ("whole", "broken"):
        lay_out_job(tmp_path / name, ASKED, {"training": digits})
    process = started(tmp_path / "broken")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("step=20;"):
            process.send_signal(signal.SIGTERM)
            break
    code, said = ended(process)
    assert code == 143, said
    assert "of 400; it is kept." in said
    broken = TrainingJob.of({ROOT: str(tmp_path / "broken")})
    assert 20 <= max(read_history(broken.checkpoints / HISTORY)) < 400
    assert not broken.model.exists()
    for name in ("broken", "whole"):
        assert models.train.main(environment(tmp_path / name)) == 0
    whole = TrainingJob.of({ROOT: str(tmp_path / "whole")})
    for name in ("history.jsonl", "training.json"):
        assert (broken.model / name).read_text() == (whole.model / name).read_text()
    ours, theirs = (weights_of(each.model / "weights.safetensors") for each in (broken, whole))
    assert all((ours[name] == theirs[name]).all() for name in theirs)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"recipe": "vae", "preset": "smoke", "learnig_rate": 1}, "BadRecipe: .*learnig_rate: unk"),
        ({"recipe": "vae", "preset": "smoke", "learning_rate": 9.0}, "Diverged: Step "),
    ],
)
def test_should_say_why_it_failed_where_sagemaker_looks(
    tmp_path: Path, digits: Path, asked: dict[str, object], told: str
) -> None:
    lay_out_job(tmp_path, asked, {"training": digits})
    assert models.train.main(environment(tmp_path)) == 1
    reason = TrainingJob.of({ROOT: str(tmp_path)}).failure.read_text()
    assert re.match(told, reason), reason
    assert not (tmp_path / "model").exists()


def test_what_fails_unforeseen_should_leave_its_reason_too(tmp_path: Path, digits: Path) -> None:
    lay_out_job(tmp_path, {"recipe": "vae", "preset": "smoke"}, {"training": digits})
    launched = {"RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "many"}
    assert models.train.main({**environment(tmp_path), **launched}) == 1
    reason = TrainingJob.of({ROOT: str(tmp_path)}).failure.read_text()
    assert re.match("ValueError: .*many", reason), reason
    assert "--set batch" in models.train.reason_of(MemoryError("no room."))


HOSTS = ["127.0.0.1", "127.0.0.2"]


def on_hosts(tmp_path: Path, names: Sequence[str]) -> list[Path]:
    """Say in the folders of jobs that they are of one training; return their roots."""
    roots = [tmp_path / name for name in names]
    for root, host in zip(roots, HOSTS, strict=True):
        resources = {"current_host": host, "hosts": HOSTS}
        (root / "input/config/resourceconfig.json").write_text(json.dumps(resources))
    return roots


def test_two_hosts_should_train_the_network_that_one_trains(
    tmp_path: Path, channel: Channel, smoke: Smoke, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each host starts torchrun by itself, gloo stands in for NCCL, and 8 steps of a loss without
    chance give the same weights, whoever computed them.
    """
    channels = {"training": channel("preferences"), "policy": smoke("policy") / "train" / "model"}
    asked = {"recipe": "reward_model", "preset": "smoke", "steps": 8, "learning_rate": 1e-3}
    for name in ("alone", "first", "second"):
        lay_out_job(tmp_path / name, asked, channels)
    assert models.train.main(environment(tmp_path / "alone")) == 0
    first, second = on_hosts(tmp_path, ("first", "second"))
    with socket.socket() as free:
        free.bind((HOSTS[0], 0))
        port = {"MASTER_PORT": str(free.getsockname()[1])}
    other = started(second, port)
    code = models.train.main({**environment(first), **port})
    told, said = ended(other)
    assert (code, told) == (0, 0), said
    assert "process 2 of 2" in said
    assert "step=" not in said
    assert not (second / "model").exists()
    assert list(read_history(first / "model" / HISTORY)) == list(range(1, 9))
    ours, theirs = (
        weights_of(root / "model/weights.safetensors") for root in (first, tmp_path / "alone")
    )
    for name, weights in theirs.items():
        assert ours[name] == pytest.approx(weights, abs=2e-5), name
