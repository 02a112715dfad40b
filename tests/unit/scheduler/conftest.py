from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from localcloud.scheduler import SchedulerService
from localcloud.service import CloudContext
from tests.unit.events.conftest import QUEUE, Receiver
from tests.unit.timing import MovableClock

ROLE = "arn:aws:iam::000000000000:role/scheduler"


class Clockwork:
    """Scheduler with one receiver behind every kind of target."""

    def __init__(self, folder: Path, clock: MovableClock) -> None:
        self.folder = folder
        self.clock = clock
        self.receiver = Receiver()
        self.distrusted = False
        self.groups: list[str] = []
        self.scheduler = self.open()

    def open(self) -> SchedulerService:
        kinds = dict.fromkeys(("sqs", "lambda", "states", "events"), self.receiver)
        context = CloudContext(self.folder, "http://127.0.0.1:1")
        return SchedulerService(context, kinds, self.clock, self._check_role)

    def _check_role(self, role_arn: str, group_arn: str) -> None:
        self.groups.append(group_arn)
        if self.distrusted:
            raise AwsError("ValidationException", f"{role_arn} does not trust Scheduler.")

    def reopen(self) -> None:
        self.scheduler.stop()
        self.scheduler = self.open()

    def create(self, expression: str, name: str = "s", **more: Any) -> str:
        target = {"Arn": QUEUE, "RoleArn": ROLE, **more.pop("Target", {})}
        params = {
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **more,
        }
        return str(self.scheduler.create_schedule(params)["ScheduleArn"])

    def fire_after(self, seconds: float) -> int:
        """Move the clock and fire what is due; return how many deliveries wait."""
        self.clock.advance(seconds)
        before = self.scheduler.pending_deliveries()
        self.scheduler.fire_due()
        return self.scheduler.pending_deliveries() - before


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def works(tmp_path: Path, clock: MovableClock) -> Iterator[Clockwork]:
    made = Clockwork(tmp_path, clock)
    yield made
    made.scheduler.stop()
