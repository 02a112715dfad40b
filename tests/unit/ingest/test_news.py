"""What the bus hears at a settlement, and what it heard before and is not told again."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contracts.arrivals import ExecutionStatus
from chalicelib.contracts.events import DocumentFailed, DocumentReady, DocumentRejected
from chalicelib.contracts.receipts import Receipt
from chalicelib.ingest.news import REJECTED, news
from chalicelib.jobs.ingest_settlement import IngestSettlement
from tests.unit.ingest.examples import NOW, version, work

FACTS: dict[str, Any] = {
    "media_type": "text/markdown",
    "sha256": "a" * 64,
    "bytes": 9,
    "pages": 1,
    "pages_needing_ocr": 0,
    "chunks": 2,
    "receipt": Receipt.of([]),
}


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_version_that_is_ready_should_be_announced_where_its_execution_could_not(
    status: ExecutionStatus,
) -> None:
    event = news(
        work(), version(**FACTS), IngestSettlement(), status, "EventBridge.FailedEntry", NOW
    )
    assert isinstance(event, DocumentReady)
    assert (event.version, event.chunks, event.time) == (work().version, 2, NOW)


def test_a_rejection_should_be_announced_where_its_execution_could_not() -> None:
    found = version(status="rejected", reason="It is locked.")
    event = news(work(), found, IngestSettlement(), "FAILED", "EventBridge.FailedEntry", NOW)
    assert isinstance(event, DocumentRejected)
    assert (event.error, event.reason) == (REJECTED, "It is locked.")


def test_a_failure_that_is_decided_should_be_announced_with_its_error() -> None:
    decided = IngestSettlement("failed", "too slow")
    for error, told in ((None, "TIMED_OUT"), ("States.Timeout", "States.Timeout")):
        event = news(work(), version(status="processing"), decided, "TIMED_OUT", error, NOW)
        assert isinstance(event, DocumentFailed)
        assert (event.error, event.reason) == (told, "too slow")


@pytest.mark.parametrize("status", ["ready", "rejected", "failed", "superseded"])
def test_what_an_execution_that_succeeded_recorded_it_has_announced(status: str) -> None:
    found = version(status=status, **FACTS)
    assert news(work(), found, IngestSettlement(), "SUCCEEDED", None, NOW) is None


@pytest.mark.parametrize("status", ["failed", "superseded"])
def test_a_failure_that_the_execution_recorded_is_told_by_it(status: str) -> None:
    assert news(work(), version(status=status), IngestSettlement(), "FAILED", None, NOW) is None
    assert news(work(), None, IngestSettlement(), "FAILED", None, NOW) is None
