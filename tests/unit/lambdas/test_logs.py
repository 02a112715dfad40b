"""Log files, tails and forwarding."""

from __future__ import annotations

import queue
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from localcloud.lambdas.logs import TAIL_BYTES, FunctionLogs, LogStream

_Entry = tuple[str, str, list[str]]


def test_output_becomes_lines_whatever_its_pieces(tmp_path: Path) -> None:
    log = LogStream(FunctionLogs(tmp_path, None), "read", "stream")
    for piece in (b"one\ntw", b"o\n\xc3", b"\xa4\nrest"):
        log.feed(piece)
    log.write_lines("END")
    assert log.tail().decode().splitlines() == ["one", "two", "ä", "rest", "END"]


def test_a_carriage_return_is_the_runtime_s_newline_within_a_record(tmp_path: Path) -> None:
    log = LogStream(FunctionLogs(tmp_path, None), "read", "stream")
    log.feed(b"[ERROR] boom\rTraceback\n")
    assert log.tail() == b"[ERROR] boom\nTraceback\n"


def test_the_tail_begins_anew_with_each_invocation_and_is_bounded(tmp_path: Path) -> None:
    log = LogStream(FunctionLogs(tmp_path, None), "read", "stream")
    log.write_lines("before")
    log.begin_invocation()
    log.feed(b"".join(b"%04d\n" % number for number in range(5000)))
    tail = log.tail()
    assert len(tail) == TAIL_BYTES
    assert tail.endswith(b"4999\n")


def test_each_line_is_forwarded_with_its_group_and_stream(tmp_path: Path) -> None:
    received: queue.Queue[_Entry] = queue.Queue()

    def sink(group: str, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        received.put((group, stream, [text for _, text in lines]))

    logs = FunctionLogs(tmp_path, sink)
    logs.start()
    logs.write("read", "stream", ["a", "b"])
    assert received.get(timeout=10) == ("/aws/lambda/read", "stream", ["a", "b"])
    logs.stop()
    assert logs.path("read").read_text().count("\n") == 2


def test_a_log_file_should_be_put_aside_when_full_and_only_two_old_ones_kept(
    tmp_path: Path,
) -> None:
    logs = FunctionLogs(tmp_path, None, file_bytes=100)
    for number in range(10):
        logs.write("read", "stream", [f"{number} {'x' * 50}"])
    files = ["read.log", "read.log.1", "read.log.2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    kept = [(tmp_path / name).read_text().split()[2] for name in files]
    assert kept == ["9", "8", "7"]
    assert all((tmp_path / name).stat().st_size <= 100 for name in files)


def test_a_block_longer_than_a_file_should_stay_whole(tmp_path: Path) -> None:
    logs = FunctionLogs(tmp_path, None, file_bytes=10)
    logs.write("read", "stream", ["a" * 50, "b" * 50])
    assert logs.path("read").read_text().count("\n") == 2
    assert not (tmp_path / "read.log.1").exists()


def test_workers_that_write_at_once_should_lose_no_line_of_the_files_kept(tmp_path: Path) -> None:
    logs = FunctionLogs(tmp_path, None, file_bytes=4000)

    def work(worker: int) -> None:
        for number in range(50):
            logs.write("read", f"stream{worker:02}", [f"{worker}-{number}"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    lines = "".join(path.read_text() for path in tmp_path.iterdir()).splitlines()
    said = {line.split()[2] for line in lines}
    assert said == {f"{worker}-{number}" for worker in range(4) for number in range(50)}


def test_a_sink_that_fails_does_not_stop_the_forwarding(tmp_path: Path) -> None:
    received: queue.Queue[str] = queue.Queue()

    def sink(_group: str, _stream: str, lines: Sequence[tuple[int, str]]) -> None:
        if lines[0][1] == "bad":
            raise RuntimeError("no room")
        received.put(lines[0][1])

    logs = FunctionLogs(tmp_path, sink)
    logs.start()
    for text in ("bad", "good"):
        logs.write("read", "stream", [text])
    assert received.get(timeout=10) == "good"
    logs.stop()


def test_a_log_that_cannot_be_written_harms_no_function(tmp_path: Path) -> None:
    logs = FunctionLogs(tmp_path / "logs", None)
    (tmp_path / "logs").rmdir()
    log = LogStream(logs, "read", "stream")
    log.write_lines("lost")
    assert log.tail() == b"lost\n"
