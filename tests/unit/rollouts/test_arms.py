"""Which version answers a call, by what is stored of rollouts, read seldom."""

from __future__ import annotations

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.live_traffic import CachedTraffic
from chalicelib.adapters.records.rollouts import RolloutStops, RolloutTable
from chalicelib.adapters.records.writes import tenant_key
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.rollouts import LiveChoice, Subject
from chalicelib.errors import HeadraceError, Transient
from chalicelib.rollouts.arms import (
    TRAFFIC_SECONDS,
    ArmAssignment,
    LiveTraffic,
    assign_version,
)
from tests.unit.ingest.conftest import dynamodb, table
from tests.unit.rollouts.examples import ID, NOW, SUBJECT, TENANT, pointer, state, stop

__all__ = ["dynamodb", "table"]

MODEL = Subject(kind="model", name="small")


class Clock:
    """A clock that stands."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def assigned(traffic: LiveTraffic, own: str = "3", caller: str = "user a") -> ArmAssignment:
    return assign_version(traffic, TENANT, SUBJECT.key, caller, own)


def running(**changes: object) -> LiveTraffic:
    return LiveTraffic({SUBJECT.key: pointer(**changes)})


def test_a_call_should_be_answered_by_the_version_of_its_arm() -> None:
    assert assigned(LiveTraffic()) == ArmAssignment("3")
    assert assigned(running(share=100)) == ArmAssignment("4", ID, "candidate")
    arms = {assigned(running(share=50), caller=f"user {n}").arm for n in range(50)}
    assert arms == {"live", "candidate"}
    live = next(
        found
        for n in range(50)
        if (found := assigned(running(share=50), caller=f"user {n}")).arm == "live"
    )
    assert (live.version, live.rollout_id) == ("3", ID), "of the same rollout, by the live version"


def test_a_label_that_was_moved_by_hand_should_overrule_the_rollout() -> None:
    assert assigned(running(share=100), own="5") == ArmAssignment("5")


def test_a_receipt_should_say_the_arm_but_never_that_of_a_shadow() -> None:
    receipt = Receipt()
    marked = assigned(running(share=100)).mark(receipt)
    assert marked.model_dump(mode="json")["rollout"] == {"rollout_id": ID, "arm": "candidate"}
    shadow = assigned(running(shadow=True))
    assert (shadow.version, shadow.rollout_id) == ("3", ID)
    assert shadow.mark(receipt).model_dump_json() == receipt.model_dump_json()
    assert "rollout" not in receipt.model_dump_json()


@pytest.fixture
def rollouts(table: DynamoTable) -> RolloutTable:
    pk, sk = tenant_key(TENANT)
    table.put(Put({"pk": pk, "sk": sk}))
    return RolloutTable(table)


def test_one_read_should_tell_pointers_and_choices(rollouts: RolloutTable) -> None:
    assert rollouts.live(TENANT) == LiveTraffic()
    rollouts.create(state(), pointer(share=5))
    assert rollouts.live(TENANT).pointers == {SUBJECT.key: pointer(share=5)}
    choice = LiveChoice(subject=MODEL, version="large", rollout_id=ID, since=NOW)
    ended = state(status="promoted", ended_at=NOW).model_copy(update={"revision": 2})
    assert rollouts.change(ended, None, choice)
    assert rollouts.live(TENANT) == LiveTraffic({}, {MODEL.key: choice})
    assert rollouts.choice(TENANT, MODEL) == choice
    named = assign_version(rollouts.live(TENANT), TENANT, MODEL.key, "user a", "small")
    assert named == ArmAssignment("large")


def test_a_stop_should_take_the_traffic_from_the_candidate(
    rollouts: RolloutTable, table: DynamoTable
) -> None:
    rollouts.create(state(), pointer(share=100))
    RolloutStops(table).put(stop())
    assert assigned(rollouts.live(TENANT)) == ArmAssignment("3")


def test_traffic_should_be_read_once_in_ten_seconds_also_where_there_is_none() -> None:
    reads: list[str] = []

    class Table:
        def live(self, tenant: str) -> LiveTraffic:
            reads.append(tenant)
            return LiveTraffic()

    clock = Clock()
    traffic = CachedTraffic(Table(), clock, lambda error: None)
    for _ in range(3):
        for tenant in ("acme", "other"):
            traffic(tenant)
    assert reads == ["acme", "other"]
    clock.now += TRAFFIC_SECONDS
    traffic("acme")
    assert reads == ["acme", "other", "acme"]


def test_calls_should_go_on_without_rollouts_if_these_cannot_be_read() -> None:
    choice = LiveChoice(subject=MODEL, version="large", rollout_id=ID, since=NOW)
    answers: list[LiveTraffic | HeadraceError] = [
        LiveTraffic({SUBJECT.key: pointer(share=100)}, {MODEL.key: choice}),
        Transient("no answer"),
    ]

    class Table:
        def live(self, tenant: str) -> LiveTraffic:
            answer = answers.pop(0)
            if isinstance(answer, HeadraceError):
                raise answer
            return answer

    clock, errors = Clock(), list[HeadraceError]()
    traffic = CachedTraffic(Table(), clock, errors.append)
    assert traffic(TENANT).pointers
    clock.now += TRAFFIC_SECONDS
    assert traffic(TENANT) == LiveTraffic({}, {MODEL.key: choice})
    assert [error.message for error in errors] == ["no answer"]
