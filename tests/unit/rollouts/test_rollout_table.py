"""Rollouts in the records table, on a DynamoDB in this process."""

from __future__ import annotations

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.prompts import PromptTable
from chalicelib.adapters.records.rollouts import RolloutStops, RolloutTable
from chalicelib.adapters.records.tenant_erasure import TenantErasure
from chalicelib.adapters.records.writes import tenant_key
from chalicelib.contracts.rollouts import LiveChoice, ShadowObservation
from chalicelib.errors import Conflict
from chalicelib.prompts.library import PromptLibrary
from chalicelib.prompts.records import LabelMove
from chalicelib.rollouts.records import RolloutState
from tests.clients import client
from tests.unit.ingest.conftest import dynamodb, table
from tests.unit.prompts.examples import content
from tests.unit.prompts.fakes import FakeVerdicts
from tests.unit.rollouts.examples import (
    ID,
    NOW,
    SUBJECT,
    TENANT,
    call,
    pointer,
    rollout,
    state,
    stop,
)

__all__ = ["dynamodb", "table"]

OTHER = "01JROLLOUT0000000000000002"


@pytest.fixture
def kept(table: DynamoTable) -> RolloutTable:
    pk, sk = tenant_key(TENANT)
    table.put(Put({"pk": pk, "sk": sk}))
    return RolloutTable(table)


def test_should_keep_a_rollout_with_its_pointer(kept: RolloutTable) -> None:
    kept.create(state(), pointer())
    assert kept.state(TENANT, ID) == state()
    assert kept.pointer(TENANT, SUBJECT) == pointer()
    assert [each.rollout.rollout_id for each in kept.states(TENANT, "")] == [ID]
    assert kept.stop(TENANT, ID) is None


def test_should_refuse_two_rollouts_of_one_subject(kept: RolloutTable) -> None:
    kept.create(state(), pointer())
    with pytest.raises(Conflict, match=f"Rollout {ID} of faq runs") as raised:
        kept.create(state(rollout_id=OTHER), pointer(rollout_id=OTHER))
    assert raised.value.field == "subject"
    assert kept.state(TENANT, OTHER) is None, "nothing half done"


def test_should_begin_none_for_a_tenant_that_is_gone(table: DynamoTable) -> None:
    with pytest.raises(Conflict, match="is being removed"):
        RolloutTable(table).create(state(), pointer())


def test_a_note_on_an_ended_rollout_should_leave_the_pointer_of_the_next(
    kept: RolloutTable,
) -> None:
    kept.create(state(), pointer())
    ended = state(status="rolled_back").model_copy(update={"revision": 2})
    assert kept.change(ended, None)
    kept.create(state(rollout_id=OTHER), pointer(rollout_id=OTHER))
    noted = ended.model_copy(update={"revision": 3, "tick": 7})
    assert kept.annotate(noted)
    assert not kept.annotate(noted), "a note that comes twice"
    assert kept.state(TENANT, ID) == noted
    assert kept.pointer(TENANT, SUBJECT) == pointer(rollout_id=OTHER)


def test_should_change_state_and_pointer_once(kept: RolloutTable) -> None:
    kept.create(state(), pointer())
    after = state(status="running", stage=1).model_copy(update={"revision": 2})
    assert kept.change(after, pointer(share=5, stage=1))
    assert not kept.change(after, pointer(share=100, stage=3)), "a tick that comes twice"
    assert kept.state(TENANT, ID) == after
    found = kept.pointer(TENANT, SUBJECT)
    assert found is not None
    assert found.share == 5


def test_should_free_the_subject_at_the_end(kept: RolloutTable, table: DynamoTable) -> None:
    kept.create(state(), pointer())
    ended = state(status="promoted", ended_at=NOW).model_copy(update={"revision": 2})
    assert kept.change(ended, None)
    assert kept.pointer(TENANT, SUBJECT) is None
    item = table.get(("TENANT#acme", f"ROLLOUT#{ID}")) or {}
    assert item["expires_at"] > NOW.timestamp()
    kept.create(state(rollout_id=OTHER), pointer(rollout_id=OTHER))


def test_should_leave_the_pointer_of_a_later_rollout(kept: RolloutTable) -> None:
    kept.create(state(), pointer())
    assert kept.change(state(status="rolled_back").model_copy(update={"revision": 2}), None)
    kept.create(state(rollout_id=OTHER), pointer(rollout_id=OTHER))
    late = state(status="running").model_copy(update={"revision": 3})
    assert not kept.change(late, pointer(share=5))
    found = kept.pointer(TENANT, SUBJECT)
    assert found is not None
    assert found.rollout_id == OTHER


def test_should_keep_the_first_stop(kept: RolloutTable, table: DynamoTable) -> None:
    stops = RolloutStops(table)
    stops.put(stop())
    stops.put(stop(by="person", reason="later"))
    assert kept.stop(TENANT, ID) == stop()


def test_should_keep_the_first_answer_of_the_candidate(kept: RolloutTable) -> None:
    first = ShadowObservation(metrics=call(1, "candidate"))
    kept.put_observation(TENANT, ID, first)
    kept.put_observation(TENANT, ID, ShadowObservation(metrics=call(1, "candidate", error=True)))
    assert kept.observation(TENANT, ID, call(1).call_id) == first
    assert kept.observation(TENANT, ID, call(2).call_id) is None


def test_should_go_with_its_tenant(kept: RolloutTable, table: DynamoTable) -> None:
    kept.create(state(rollout_id=ID, subject=rollout().subject), pointer())
    RolloutStops(table).put(stop())
    RolloutStops(table).put(stop(tenant="rival"))
    erasure = TenantErasure(client("s3"), client("s3vectors"), table)
    assert erasure.erase_records(TENANT, "job", 500) == 3
    assert kept.stop(TENANT, ID) is None
    assert kept.stop("rival", ID) is not None


def ended_state() -> RolloutState:
    ended = state(status="promoted", ended_at=NOW)
    return ended.model_copy(update={"revision": 2, "untold": "rollout.promoted"})


def moved(prompts: PromptTable, to: int) -> LabelMove:
    library = PromptLibrary(
        prompts, lambda content: None, lambda: NOW, lambda attempt: None, FakeVerdicts()
    )
    if prompts.head(TENANT, "faq") is None:
        library.save(TENANT, "faq", content(role="One."))
        library.save(TENANT, "faq", content(role="Two."))
        library.point(TENANT, "faq", "production", 1)
    return library.move(TENANT, "faq", "production", to)


def test_a_promotion_should_move_the_label_and_end_the_rollout_in_one_write(
    kept: RolloutTable, table: DynamoTable
) -> None:
    prompts = PromptTable(table)
    outdated = moved(prompts, 2)
    again = moved(prompts, 1)
    assert prompts.change(TENANT, again.before, again.change)
    kept.create(state(), pointer())
    assert not kept.change(ended_state(), None, outdated), "the prompt has changed since"
    assert kept.state(TENANT, ID) == state()
    assert kept.change(ended_state(), None, moved(prompts, 2))
    head = prompts.head(TENANT, "faq")
    assert head is not None
    assert head.labels == {"production": 2}
    kept.mark_told(ended_state())
    told = kept.state(TENANT, ID)
    assert told is not None
    assert (told.untold, told.revision) == ("", 3)
    kept.mark_told(ended_state())
    assert kept.state(TENANT, ID) == told, "somebody else was quicker"


def test_nothing_should_be_promoted_after_a_stop(kept: RolloutTable, table: DynamoTable) -> None:
    prompts = PromptTable(table)
    kept.create(state(), pointer())
    RolloutStops(table).put(stop())
    chosen = LiveChoice(subject=SUBJECT, version="4", rollout_id=ID, since=NOW)
    for promoted in (moved(prompts, 2), chosen):
        assert not kept.change(ended_state(), None, promoted)
    head = prompts.head(TENANT, "faq")
    assert head is not None
    assert head.labels == {"production": 1}
    assert kept.choice(TENANT, SUBJECT) is None
