"""The queue in front of the model's process, with a process of the test's own in its place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.bedrock.llama import MAX_WAITING, Finish, LlamaProcess
from localcloud.errors import AwsError
from localcloud.service import EXTRA_HEADERS, watched

WORKER = """
import json, sys, time
for line in sys.stdin:
    request = json.loads(line)
    time.sleep(request["seconds"])
    print(json.dumps({"text": request["say"]}), flush=True)
    print(json.dumps({"done": {"stop_type": "eos", "tokens_in": 1, "tokens_out": 1}}), flush=True)
"""
SILENCE_S = 2.0


@pytest.fixture
def llama(tmp_path: Path) -> Iterator[LlamaProcess]:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    made = LlamaProcess(tmp_path, 100, tmp_path / "log", silence_s=SILENCE_S, worker=worker)
    yield made
    made.stop()


def said(llama: LlamaProcess, say: str, seconds: float) -> list[str | Finish]:
    return list(llama.generate({"say": say, "seconds": seconds}))


def test_waiting_for_a_turn_should_not_be_taken_for_silence(llama: LlamaProcess) -> None:
    said(llama, "first", 0)
    answers: list[str | Finish] = []

    def ask(say: str) -> None:
        answers.append(said(llama, say, 0.9)[0])

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, answers)) == ["0", "1", "2", "3"]


def test_a_model_that_is_silent_should_be_ended_and_the_next_be_answered(
    llama: LlamaProcess,
) -> None:
    said(llama, "first", 0)
    pid = llama.pid
    with pytest.raises(AwsError, match="said nothing for 2 s") as caught:
        said(llama, "never", 60)
    assert (caught.value.code, caught.value.status) == ("ModelTimeoutException", 408)
    assert said(llama, "again", 0)[0] == "again"
    assert llama.pid != pid


def test_more_than_can_wait_should_be_throttled_and_the_rest_be_answered(
    llama: LlamaProcess,
) -> None:
    said(llama, "first", 0)
    outcomes: list[str] = []

    def ask() -> None:
        try:
            outcomes.append(str(said(llama, "yes", 0.05)[0]))
        except AwsError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=ask) for _ in range(3 * MAX_WAITING)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("yes") >= MAX_WAITING
    assert set(outcomes) == {"yes", "ThrottlingException"}
    assert said(llama, "again", 0)[0] == "again"


def test_a_turn_that_would_come_too_late_should_be_refused_with_its_place(tmp_path: Path) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(WORKER)
    llama = LlamaProcess(tmp_path, 100, tmp_path / "log", wait_s=1.0, worker=worker)
    said(llama, "first", 0)
    gone = threading.Event()

    def occupy() -> None:
        with watched(gone.is_set), pytest.raises(AwsError, match="went away"):
            said(llama, "long", 60)

    busy = threading.Thread(target=occupy)
    busy.start()
    while not llama.is_busy:
        pass
    with pytest.raises(AwsError, match=r"1 wait before this one .* one process of") as refused:
        said(llama, "next", 0)
    assert (refused.value.code, refused.value.status) == ("ThrottlingException", 429)
    assert int(refused.value.fields[EXTRA_HEADERS]["Retry-After"]) >= 1
    gone.set()
    busy.join(30)
    llama.stop()


def test_a_caller_that_goes_away_should_not_occupy_the_model(llama: LlamaProcess) -> None:
    """Neither the one for whom it works, for a minute, nor one that waits for its turn."""
    said(llama, "first", 0)
    gone, pid, ended = threading.Event(), llama.pid, []

    def ask(say: str) -> None:
        with watched(gone.is_set), pytest.raises(AwsError, match="went away") as caught:
            said(llama, say, 60)
        ended.append(caught.value.code)

    threads = [threading.Thread(target=ask, args=(str(number),)) for number in range(3)]
    for thread in threads:
        thread.start()
    gone.set()
    for thread in threads:
        thread.join(30)
    assert ended == ["ServiceUnavailableException"] * 3
    assert said(llama, "next", 0)[0] == "next"
    assert llama.pid != pid


def test_an_answer_that_is_read_whole_should_leave_the_process_running(
    llama: LlamaProcess,
) -> None:
    pids = set()
    for number in range(20):
        assert said(llama, str(number), 0)[0] == str(number)
        pids.add(llama.pid)
    assert len(pids) == 1
