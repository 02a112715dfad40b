from __future__ import annotations

import json

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

COUNTS = {
    "requests": 3,
    "tokens_in": 40,
    "tokens_out": 9,
    "images": 0,
    "dollars": "0.000012000",
}
REPORT = {
    "first_day": "2026-11-01",
    "last_day": "2026-11-26",
    "by": "model",
    "items": [{"name": "nova", **COUNTS}, {"name": "", **COUNTS}],
    "total": COUNTS | {"requests": 6},
}
BUDGETS = {
    "dollars": [
        {
            "scope": "key",
            "name": "3f9a17c2b4d0",
            "period": "day",
            "limit": "5.000000000",
            "spent": "1.000000000",
            "reserved": "0.500000000",
            "left": "3.500000000",
            "resets_at": "2026-11-27T00:00:00Z",
        }
    ],
    "a_minute": [
        {
            "scope": "tenant",
            "name": "",
            "measure": "tokens",
            "limit": 900,
            "used": 23,
            "left": 877,
            "resets_at": "2026-11-26T13:33:00Z",
        }
    ],
}


def test_should_show_usage_with_its_total(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["usage?by=model&from=2026-11-01&to=2026-11-26"] = REPORT
    ended = headrace("usage", "--from", "2026-11-01", "--to", "2026-11-26", "--by", "model")
    assert ended.code == 0
    lines = [line.split() for line in ended.out.splitlines()]
    assert lines[1:4] == [
        ["nova", "3", "40", "9", "0", "0.000012000"],
        ["(none)", "3", "40", "9", "0", "0.000012000"],
        ["total", "6", "40", "9", "0", "0.000012000"],
    ]


def test_should_show_budgets_and_rates(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["budgets"] = BUDGETS
    out = headrace("budgets").out
    assert "key 3f9a17c2b4d0  day" in out
    assert "3.500000000" in out
    assert "877" in out


def test_should_say_that_nothing_is_limited(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["budgets"] = {"dollars": [], "a_minute": []}
    assert "Nothing is limited." in headrace("budgets").out


def test_should_print_json_for_programs(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["usage?by=day"] = REPORT
    fake.documents["budgets"] = BUDGETS
    assert json.loads(headrace("usage", "--json").out) == REPORT
    assert json.loads(headrace("budgets", "--json").out) == BUDGETS
