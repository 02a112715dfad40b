"""Items past their time to live go at a start, and then once an hour.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

from __future__ import annotations

from localcloud.dynamodb.expiry import INTERVAL_S, OLDEST_EXPIRY_S
from tests.unit.dynamodb.conftest import Open, Tables

NOW = 2_000_000_000


def expire(tables: Tables, *, enabled: bool = True) -> None:
    specification = {"AttributeName": "expires_at", "Enabled": enabled}
    changed = tables("UpdateTimeToLive", TableName="table", TimeToLiveSpecification=specification)
    assert "__type" not in changed


def test_what_expired_should_go_as_aws_tells_it(opened: Open) -> None:
    times = {
        "a second ago": {"N": str(NOW - 1)},
        "now": {"N": str(NOW)},
        "later": {"N": str(NOW + 1)},
        "five years ago": {"N": str(NOW - OLDEST_EXPIRY_S)},
        "before that": {"N": str(NOW - OLDEST_EXPIRY_S - 1)},
        "text": {"S": str(NOW - 1)},
        "no time at all": {"N": "9e100"},
    }
    with opened(clock=lambda: NOW - 100 * INTERVAL_S) as tables:
        tables.create()
        tables.put("without")
        for key, value in times.items():
            tables.put(key, expires_at=value)
        expire(tables)
        assert set(tables.items()) == {"without", *times}
    left = {"without", "now", "later", "before that", "text", "no time at all"}
    with opened(clock=lambda: NOW) as again:
        assert set(again.items()) == left


def test_a_running_cloud_should_look_once_an_hour(opened: Open) -> None:
    now = [float(NOW)]
    with opened(clock=lambda: now[0]) as tables:
        tables.create()
        expire(tables)
        for number in range(1200):
            tables.put(f"k{number}", expires_at={"N": str(NOW + 10)})
        now[0] += INTERVAL_S - 1
        assert len(tables.items()) == 1200
        now[0] += 1
        assert tables.items() == {}


def test_a_table_without_time_to_live_should_keep_every_item(opened: Open) -> None:
    with opened(clock=lambda: NOW) as tables:
        tables.create()
        expire(tables)
        tables.put("old", expires_at={"N": str(NOW - 1)})
        expire(tables, enabled=False)
    with opened(clock=lambda: NOW + INTERVAL_S) as again:
        assert set(again.items()) == {"old"}


def test_what_is_written_where_an_item_expired_should_last(opened: Open) -> None:
    item = {"pk": {"S": "k"}, "v": {"S": "new"}}
    with opened(clock=lambda: NOW) as tables:
        tables.create()
        expire(tables)
        tables.put("k", expires_at={"N": str(NOW - 1)})
        tables("PutItem", TableName="table", Item=item)
    with opened(clock=lambda: NOW + INTERVAL_S) as again:
        assert again.items()["k"] == item
