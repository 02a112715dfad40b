"""A local cloud whose clock is moved: what it accepts, what it remembers, what it hands on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localcloud import moved_clock
from localcloud.lambdas import bootstrap
from localcloud.lambdas.process import ProcessCommand, ProcessSpawner
from localcloud.moved_clock import CLOCK_FILE, OFFSET, ClockError, move_clock, parse_clock
from localcloud.sagemaker.hosting import container_main
from localcloud.sagemaker.jobs import program_main

YEAR = timedelta(days=365)
ANY_ROOT = {"LAMBDA_TASK_ROOT": "."}


def test_a_clock_should_be_a_time_of_rfc_3339() -> None:
    for text in ("2027-03-28T01:59:30Z", "2027-03-28t03:59:30.0+02:00"):
        assert parse_clock(text) == datetime(2027, 3, 28, 1, 59, 30, tzinfo=UTC)
    for text in ("tomorrow", "2027-03-28", "2027-03-28T01:59:30", "2027-02-30T00:00:00Z", ""):
        with pytest.raises(ValueError, match="write it as 2027-03-28T01:59:30Z"):
            parse_clock(text)


class Life:
    """A data directory, and by how much the clocks of its clouds were moved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.offsets: list[float] = []

    def start(self, start: datetime | None) -> None:
        move_clock(self.folder, start, self.offsets.append)

    def write(self) -> None:
        (self.folder / "sqs").mkdir(exist_ok=True)
        (self.folder / "sqs" / "sqs.sqlite").write_text("a message")


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


def test_a_clock_should_move_by_what_lies_between(life: Life) -> None:
    (life.folder / "server.log").write_text("of this very start")
    start = datetime.now(UTC) - YEAR
    life.start(start)
    (offset,) = life.offsets
    assert YEAR - timedelta(minutes=5) < timedelta(seconds=-offset) <= YEAR + timedelta(minutes=5)
    assert json.loads((life.folder / CLOCK_FILE).read_text()) == {
        "began_at": start.timestamp(),
        "offset_seconds": offset,
    }


def test_an_ordinary_start_should_move_nothing(life: Life) -> None:
    life.write()
    life.start(None)
    assert life.offsets == []
    assert not (life.folder / CLOCK_FILE).exists()


def test_a_clock_should_not_go_back_before_the_data(life: Life) -> None:
    life.write()
    with pytest.raises(ClockError, match=r"newest data .* does not run backwards .* --clock 20"):
        life.start(datetime.now(UTC) - timedelta(minutes=1))
    life.start(datetime.now(UTC) + YEAR)
    life.write()
    for earlier in (None, datetime.now(UTC) + YEAR - timedelta(minutes=1)):
        with pytest.raises(ClockError, match="does not run backwards"):
            life.start(earlier)
    life.start(datetime.now(UTC) + YEAR + timedelta(minutes=1))
    assert len(life.offsets) == 2


def test_a_clock_should_remember_when_it_began_though_nothing_was_written(life: Life) -> None:
    life.write()
    old = time.time() - 86_400
    os.utime(life.folder / "sqs" / "sqs.sqlite", (old, old))
    life.start(datetime.now(UTC) + YEAR)
    with pytest.raises(ClockError, match="does not run backwards"):
        life.start(datetime.now(UTC) + YEAR - timedelta(hours=1))


def test_data_of_the_past_should_go_on_at_the_real_time(life: Life) -> None:
    life.start(datetime.now(UTC) - YEAR)
    life.write()
    life.start(None)
    assert not (life.folder / CLOCK_FILE).exists()


def test_a_damaged_record_of_the_clock_should_be_named(life: Life) -> None:
    (life.folder / CLOCK_FILE).write_text("{")
    with pytest.raises(ClockError, match=f"{CLOCK_FILE} cannot be read"):
        life.start(None)


def test_a_process_should_keep_the_clock_also_when_it_executes_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As a streamed function and the program of a job do; a path of its own stays."""
    monkeypatch.setenv(OFFSET, str(10 * YEAR.total_seconds()))
    program = "import datetime, sys; print(datetime.date.today().year, sys.path[2])"
    first = f"import os, sys; os.execv(sys.executable, [sys.executable, '-c', {program!r}])"
    variables = moved_clock.clock_variables({"PYTHONPATH": str(tmp_path)})
    done = subprocess.run(
        [sys.executable, "-c", first], env=variables, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [str((datetime.now(UTC) + 10 * YEAR).year), str(tmp_path)]


def said_by(command: ProcessCommand) -> str:
    """Return what a process says that the local cloud starts."""
    spawner = ProcessSpawner()
    with spawner.spawn(command) as process:
        assert process.stdout is not None
        said = process.stdout.read().decode()
    spawner.stop()
    return said.strip()


@pytest.mark.parametrize(
    ("script", "variables"),
    [
        (program_main, {"SAGEMAKER_PROGRAM": "year.py"}),
        (container_main, {"PYTHONPATH": "."}),
        (bootstrap, {"AWS_LAMBDA_EXEC_WRAPPER": "./wrapper", "_HANDLER": "", **ANY_ROOT}),
    ],
)
def test_jobs_containers_and_functions_should_live_at_the_clock(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: Any, variables: dict[str, str]
) -> None:
    """Each executes another program: a job's, `serving`, and the loop of a streamed function."""
    monkeypatch.setenv(OFFSET, str(10 * YEAR.total_seconds()))
    program = "import datetime; print(datetime.date.today().year, flush=True)"
    for name in ("year.py", "serving.py"):
        (tmp_path / name).write_text(program)
    (tmp_path / "wrapper").write_text('#!/bin/sh\nexec "$1" year.py\n')
    (tmp_path / "wrapper").chmod(0o755)
    file = Path(script.__file__)
    command = ProcessCommand(Path(sys.executable), variables, tmp_path, file)
    assert said_by(command) == str((datetime.now(UTC) + 10 * YEAR).year)


def test_a_process_without_time_machine_should_end_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(OFFSET, "60")
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import sitecustomize"],
        env=moved_clock.clock_variables({}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "lacks time-machine" in done.stderr
    assert "`make setup`" in done.stderr


def test_processes_of_an_ordinary_cloud_should_get_nothing_more() -> None:
    assert OFFSET not in os.environ
    assert moved_clock.clock_variables({"A": "b"}) == {"A": "b"}
