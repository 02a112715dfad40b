"""Processes of custom models: how many there are, and which ends for another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from localcloud.bedrock.custom_processes import MAX_PROCESSES, CustomProcesses
from localcloud.bedrock.llama import LlamaProcess
from localcloud.errors import AwsError

WORKER = """
import json, sys
for line in sys.stdin:
    if json.loads(line).get("waits"):
        sys.stdin.readline()
    print(json.dumps({"done": {"stop_type": "eos", "tokens_in": 1, "tokens_out": 1}}), flush=True)
"""


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[CustomProcesses]:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    made = CustomProcesses(tmp_path, lambda _: "0" * 64, partial(LlamaProcess, worker=worker))
    yield made
    made.stop()


def open_all(processes: CustomProcesses, folder: Path, names: str) -> list[LlamaProcess]:
    return [processes.open(name, folder / "model.gguf", 10).llama for name in names]


def test_the_least_recently_used_should_end(processes: CustomProcesses, tmp_path: Path) -> None:
    assert MAX_PROCESSES == 3
    opened = open_all(processes, tmp_path, "abc")
    for each in opened:
        list(each.generate({}))
    (again,) = open_all(processes, tmp_path, "a")
    assert again is opened[0]
    open_all(processes, tmp_path, "d")
    assert [each.pid is None for each in opened] == [False, True, False]
    (anew,) = open_all(processes, tmp_path, "b")
    assert anew is not opened[1]
    assert opened[2].pid is None


def test_none_that_answers_should_end(processes: CustomProcesses, tmp_path: Path) -> None:
    opened = open_all(processes, tmp_path, "abc")
    busy = [threading.Thread(target=_ask, args=(each,), daemon=True) for each in opened]
    for each in busy:
        each.start()
    while any(each.is_idle for each in opened):
        pass
    with pytest.raises(AwsError, match="no more run at a time") as refused:
        open_all(processes, tmp_path, "d")
    assert refused.value.code == "ThrottlingException"
    processes.stop()
    for each in busy:
        each.join()


def _ask(process: LlamaProcess) -> None:
    with pytest.raises(AwsError):
        list(process.generate({"waits": True}))
