from __future__ import annotations

import pytest

from chalicelib.contracts.arrivals import ExecutionStatus
from chalicelib.jobs.ingest_settlement import (
    IngestSettlement,
    clearable_versions,
    decide_settlement,
)
from tests.unit.ingest.examples import NOW, document, version


@pytest.mark.parametrize("status", ["ready", "rejected", "failed", "superseded"])
def test_an_end_that_the_state_machine_recorded_is_left_alone(status: str) -> None:
    assert decide_settlement(version(status=status), document(), "SUCCEEDED") == IngestSettlement()


def test_a_deleted_version_has_nothing_to_record() -> None:
    assert decide_settlement(None, document(), "FAILED") == IngestSettlement()


def test_a_version_that_nothing_recorded_in_time_was_overtaken() -> None:
    newer = document(latest_version="v_newer", status="processing")
    for found in (newer, None):
        decided = decide_settlement(version("v_1", status="processing"), found, "SUCCEEDED")
        assert decided.status == "superseded"


def test_a_version_that_answers_as_the_newest_is_confirmed_where_its_document_waits() -> None:
    waiting = document(latest_version="v_1", version="v_1", status="processing")
    assert decide_settlement(version("v_1", status="ready"), waiting, "SUCCEEDED").confirms
    newer = document(latest_version="v_2", version="v_1", status="processing")
    assert (
        decide_settlement(version("v_1", status="ready"), newer, "SUCCEEDED") == IngestSettlement()
    )


def test_the_newest_version_whose_end_other_writes_kept_out_is_a_failure() -> None:
    waiting = document(latest_version="v_1", status="processing")
    decided = decide_settlement(version("v_1", status="processing"), waiting, "SUCCEEDED")
    assert decided.is_failure
    assert "`headrace retry doc_a`" in decided.reason


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_end_that_nothing_recorded_is_a_failure_with_a_reason(status: ExecutionStatus) -> None:
    found = version(status="processing")
    decided = decide_settlement(found, document(), status, "States.Timeout", "too slow")
    assert decided.is_failure
    assert "States.Timeout: too slow" in decided.reason


def test_only_versions_that_neither_answer_nor_are_worked_on_are_cleared() -> None:
    answering = version("v_answers", settled_at=NOW)
    running = version("v_running", status="processing")
    old = version("v_old", settled_at=NOW)
    cleared = version("v_cleared", settled_at=NOW, cleared_at=NOW)
    ended = version("v_ended", status="failed")
    found = clearable_versions(
        document(version="v_answers"), [answering, running, old, cleared, ended], "v_ended"
    )
    assert found == [old, ended]


def test_the_version_that_answers_is_kept_when_its_own_execution_ends() -> None:
    assert clearable_versions(document(version="v_a"), [version("v_a")], ended="v_a") == []
