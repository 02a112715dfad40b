"""What compaction drops, and when it is done."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from localcloud.moto.compaction import OLDEST_EXPIRY_S
from tests.unit.moto.conftest import Open, Opened
from tests.unit.moto.test_engine import journal

NOW = 2_000_000_000


def put(cloud: Opened, key: str, **attributes: Any) -> dict[str, Any]:
    return cloud("dynamodb", "PutItem", TableName="t", Item={"pk": {"S": key}, **attributes})


def expire(cloud: Opened, *, enabled: bool = True) -> None:
    specification = {"AttributeName": "expires_at", "Enabled": enabled}
    cloud("dynamodb", "UpdateTimeToLive", TableName="t", TimeToLiveSpecification=specification)


def test_compaction_should_drop_what_expired_as_aws_tells_it(opened: Open) -> None:
    times = {
        "a second ago": {"N": str(NOW - 1)},
        "now": {"N": str(NOW)},
        "later": {"N": str(NOW + 1)},
        "five years ago": {"N": str(NOW - OLDEST_EXPIRY_S)},
        "before that": {"N": str(NOW - OLDEST_EXPIRY_S - 1)},
        "text": {"S": str(NOW - 1)},
    }
    with opened() as cloud:
        cloud.table()
        expire(cloud)
        put(cloud, "without")
        for key, value in times.items():
            put(cloud, key, expires_at=value)
        assert set(cloud.items()) == {"without", *times}
    left = {"without", "now", "later", "before that", "text"}
    with opened(compact_above=0, clock=lambda: NOW) as compacting:
        assert set(compacting.items()) == left
    with opened() as after:
        assert set(after.items()) == left


def test_a_table_without_time_to_live_should_keep_every_item(opened: Open) -> None:
    with opened() as cloud:
        cloud.table()
        expire(cloud)
        expire(cloud, enabled=False)
        put(cloud, "old", expires_at={"N": str(NOW - 1)})
    with opened(compact_above=0, clock=lambda: NOW) as compacting:
        assert set(compacting.items()) == {"old"}


def test_what_is_written_where_an_item_expired_should_last(opened: Open) -> None:
    with opened() as cloud:
        cloud.table()
        expire(cloud)
        put(cloud, "k", expires_at={"N": str(NOW - 1)})
    with opened(compact_above=0, clock=lambda: NOW) as cloud:
        put(cloud, "other")
        item = {"pk": {"S": "k"}, "v": {"S": "new"}}
        absent = "attribute_not_exists(pk)"
        answer = cloud("dynamodb", "PutItem", TableName="t", Item=item, ConditionExpression=absent)
        assert "__type" not in answer
    with opened() as again:
        assert again.items()["k"] == item


def test_a_running_cloud_should_compact_its_journal_once_that_halves_it(
    opened: Open, tmp_path: Path
) -> None:
    with opened(compact_above=20) as cloud:
        cloud.table()
        for number in range(100):
            put(cloud, "same", v={"N": str(number)})
            assert len(journal(tmp_path)) <= 21
        before = cloud.items()
    with opened() as again:
        assert again.items() == before == {"same": {"pk": {"S": "same"}, "v": {"N": "99"}}}


def test_a_running_cloud_should_leave_a_journal_that_would_hardly_shrink(
    opened: Open, tmp_path: Path
) -> None:
    with opened(compact_above=10) as cloud:
        cloud.table()
        for number in range(30):
            put(cloud, f"{number:02}")
        rows = journal(tmp_path)
        assert rows == ["CreateTable", *["PutItem"] * 30]
        first = "SELECT min(seq) FROM journal WHERE operation = 'PutItem'"
        with sqlite3.connect(tmp_path / "data" / "moto" / "journal.sqlite3") as file:
            assert file.execute(first).fetchone() == (2,)
        file.close()


def test_a_write_should_be_kept_though_the_journal_cannot_be_shortened(
    opened: Open, tmp_path: Path
) -> None:
    with opened(compact_above=5) as cloud:
        cloud.table()
        file = sqlite3.connect(tmp_path / "data" / "moto" / "journal.sqlite3")
        file.execute(
            "CREATE TRIGGER stuck BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'stuck'); END"
        )
        for number in range(6):
            assert "__type" not in put(cloud, "same", v={"N": str(number)})
        file.execute("DROP TRIGGER stuck")
        file.close()
        assert len(journal(tmp_path)) == 7
    with opened() as again:
        assert again.items()["same"]["v"] == {"N": "5"}


def test_log_lines_should_be_taken_and_not_journalled(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud("logs", "CreateLogGroup", logGroupName="g")
        cloud("logs", "CreateLogStream", logGroupName="g", logStreamName="s")
        events = [{"timestamp": int(time.time() * 1000), "message": "hello"}]
        cloud("logs", "PutLogEvents", logGroupName="g", logStreamName="s", logEvents=events)
        got = cloud("logs", "GetLogEvents", logGroupName="g", logStreamName="s")
        assert [each["message"] for each in got["events"]] == ["hello"]
    assert journal(tmp_path) == ["CreateLogGroup", "CreateLogStream"]


def test_log_lines_of_an_older_journal_should_be_dropped(opened: Open, tmp_path: Path) -> None:
    with opened() as cloud:
        cloud.table()
    file = sqlite3.connect(tmp_path / "data" / "moto" / "journal.sqlite3")
    with file:
        file.execute(
            "INSERT INTO journal (service, operation, method, path, headers, body)"
            " VALUES ('logs', 'PutLogEvents', 'POST', '/',"
            """ '{"x-amz-target": "Logs_20140328.PutLogEvents"}', '{}')"""
        )
    file.close()
    with opened(compact_above=0):
        assert journal(tmp_path) == ["CreateTable"]
