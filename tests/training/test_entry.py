"""The entry point of jobs: what SageMaker starts, stops and starts again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from torch.distributed.run import main as torchrun

import models.train
from models.rehearse import lay_out_job
from models.training.job import ROOT, TrainingJob
from models.training.metrics import HISTORY, read_history
from tests.training.conftest import PROJECT, weights_of

ASKED = {"recipe": "vae", "preset": "smoke", "steps": 400, "checkpoint_every": 150}
TIMEOUT_S = 110


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, ROOT: str(root), "OMP_NUM_THREADS": "1"}


def started(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "models.train"],
        cwd=PROJECT,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=TIMEOUT_S)
    return process.returncode, said


@contextmanager
def signals_as_before() -> Iterator[None]:
    """Undo that torchrun handles signals, which it leaves so."""
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


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


def test_two_processes_should_train_one_network(
    tmp_path: Path,
    digits: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    lay_out_job(tmp_path, {"recipe": "vae", "preset": "smoke", "steps": 30}, {"training": digits})
    monkeypatch.setenv(ROOT, str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with signals_as_before():
        torchrun(["--standalone", "--nproc-per-node=2", "-m", "models.train"])
    assert "process 2 of 2" in capfd.readouterr().out
    history = read_history(tmp_path / "model" / HISTORY)
    assert list(history) == list(range(1, 31))
    assert history[30]["loss"] < history[1]["loss"]
