"""Schedules for the benchmark of costs: each is made, runs once by its time, and finds nothing new.

What is counted is therefore what every run costs, whatever it has to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks.running_cloud import Caller, until

TENANT = "local"
COLLECTION = "never-filled"
PROMPT = "sum-up"
AHEAD_S = 15
"""Seconds from now to the time that the first schedule runs at: enough to make them all."""
APART_S = 10
"""Seconds between two schedules, so that none waits for another."""
PATIENCE_S = 600.0


def save_prompt(caller: Caller) -> None:
    """Save the prompt that the schedules name."""
    content = {
        "name": PROMPT,
        "variables": {"text": {"type": "document"}},
        "turns": [{"template": "Sum up.\n{{ text }}"}],
    }
    caller.api.post("/v1/prompts", json=content).raise_for_status()


def run_schedules(caller: Caller, prefix: str, count: int) -> list[Mapping[str, Any]]:
    """Make `count` schedules, and return their runs once all have ended.

    Their records are read as the account's administrator, whose calls are not counted.
    """
    first = datetime.now(UTC) + timedelta(seconds=AHEAD_S)
    names = [f"{prefix}-{number}" for number in range(count)]
    for number, name in enumerate(names):
        due = first + timedelta(seconds=number * APART_S)
        body = {
            "name": name,
            "expression": f"at({due:%Y-%m-%dT%H:%M:%S})",
            "work": {
                "kind": "batch",
                "source": {"type": "documents", "collection": COLLECTION},
                "prompt": {"name": PROMPT},
            },
        }
        caller.api.post("/v1/schedules", json=body).raise_for_status()
    return [_ended_run(caller, name) for name in names]


def _ended_run(caller: Caller, name: str) -> Mapping[str, Any]:
    table = caller.cloud.client("dynamodb")
    key = {"pk": {"S": f"TENANT#{TENANT}"}, "sk": {"S": f"SCHEDULE#{name}"}}

    def run() -> Mapping[str, Any] | None:
        item = table.get_item(TableName=caller.cloud.outputs["RecordsTableName"], Key=key)["Item"]
        found: Mapping[str, Any] | None = json.loads(item["schedule"]["S"])["last_run"]
        return found

    ended = until(run, f"{name} to run", PATIENCE_S)
    if (ended["status"], ended["trigger"], ended["counts"]["total"]) != ("succeeded", "time", 0):
        raise RuntimeError(f"{name} did not run as planned: {ended}")
    return ended
