"""Lines of the access log on their way into streams that do not grow for ever."""

from __future__ import annotations

from typing import Any

from localcloud.apigateway.access_log import (
    BATCH_WINDOW_S,
    MAX_STREAM_LINES,
    MAX_STREAMS,
    AccessLogWriter,
)


class FakeLogs:
    """What CloudWatch Logs keeps, by stream; the first `failing` calls fail."""

    def __init__(self, failing: int = 0) -> None:
        self.streams: dict[str, list[str]] = {}
        self.failing = failing
        self.puts = 0

    def create_log_stream(self, **asked: str) -> None:
        if self.failing:
            self.failing -= 1
            raise ConnectionError("no")
        self.streams[asked["logStreamName"]] = []

    def delete_log_stream(self, **asked: str) -> None:
        del self.streams[asked["logStreamName"]]

    def put_log_events(self, **asked: Any) -> None:
        assert asked["logGroupName"] == "/api"
        self.puts += 1
        self.streams[asked["logStreamName"]] += [event["message"] for event in asked["logEvents"]]


def written(logs: FakeLogs, count: int, gather_s: float = BATCH_WINDOW_S) -> list[str]:
    writer = AccessLogWriter(lambda service: logs, "/api", gather_s)
    writer.start()
    for number in range(count):
        writer.write(f"line {number}")
    writer.stop()
    return [line for lines in logs.streams.values() for line in lines]


def test_should_write_every_line_in_order() -> None:
    assert written(FakeLogs(), 1_234) == [f"line {number}" for number in range(1_234)]


def test_should_put_lines_together_that_come_soon_after_one_another() -> None:
    logs = FakeLogs()
    assert len(written(logs, 400, gather_s=60.0)) == 400, "the end waits for no more lines"
    assert logs.puts == 1


def test_should_keep_the_newest_streams_only() -> None:
    logs = FakeLogs()
    count = MAX_STREAM_LINES * (MAX_STREAMS + 2)
    lines = written(logs, count)
    assert len(logs.streams) == MAX_STREAMS
    assert lines[-1] == f"line {count - 1}"
    assert len(lines) <= (MAX_STREAM_LINES + 500) * MAX_STREAMS


def test_should_go_on_after_lines_that_could_not_be_kept() -> None:
    logs = FakeLogs(failing=1)
    writer = AccessLogWriter(lambda service: logs, "/api")
    writer.start()
    writer.write("lost")
    while logs.failing:
        pass
    writer.write("kept")
    writer.stop()
    assert [line for lines in logs.streams.values() for line in lines] == ["kept"]
