"""Every composition root of event handlers builds them from settings alone, without a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from chalicelib.wiring.budgets import budgets
from chalicelib.wiring.generation import generator
from chalicelib.wiring.ingest import ingest
from chalicelib.wiring.jobs import job_events
from chalicelib.wiring.keys import keys
from chalicelib.wiring.schedules import schedules
from chalicelib.wiring.webhooks import webhooks
from tests.unit.wiring.test_api import ENVIRON

ROOTS: Mapping[str, Callable[[Mapping[str, str]], object]] = {
    "budgets": budgets,
    "generator": generator,
    "ingest": ingest,
    "jobs": job_events,
    "keys": keys,
    "schedules": schedules,
    "webhooks": webhooks,
}
WITH_INGEST = ENVIRON | {
    "HEADRACE_INGEST_MACHINE_ARN": "arn:aws:states:us-east-1:0:stateMachine:ingest",
    "HEADRACE_MAX_RUNNING_INGESTS": "20",
}


@pytest.mark.parametrize("root", ROOTS)
def test_should_build_without_a_network(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert ROOTS[root](WITH_INGEST) is not None
