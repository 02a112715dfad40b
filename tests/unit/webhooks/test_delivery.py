from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier

from chalicelib.errors import InvalidInput
from chalicelib.webhooks.delivery import (
    LEASE,
    MAX_ATTEMPTS,
    DeliveryResult,
    ProcessedMessage,
    parse_message,
)
from chalicelib.webhooks.handlers import WebhookHandlers
from chalicelib.webhooks.subscriptions import ReceiverResponse
from tests.soak import often
from tests.unit.webhooks.fakes import SECRET, Killed, World, event, webhook


def test_should_deliver_an_event_to_each_webhook_that_wants_it() -> None:
    world = World()
    world.records.add("acme", webhook("wh_all"))
    world.records.add("acme", webhook("wh_some", events=("document.ready",)))
    world.records.add("acme", webhook("wh_other", events=("document.failed",)))
    world.records.add("rival", webhook("wh_rival"))
    world.delivering.take(event())
    assert world.run() == ["DELIVERED", "DELIVERED"]
    assert {key[:2] for key in world.records.parcels} == {("acme", "wh_all"), ("acme", "wh_some")}


def test_the_end_of_a_run_should_reach_the_webhooks_that_it_names() -> None:
    world = World()
    world.records.add("acme", webhook("wh_named", events=("document.ready",)))
    world.records.add("acme", webhook("wh_other", events=("document.ready",)))
    world.records.add("rival", webhook("wh_rival"))
    ended = event(detail_type="schedule.ended", webhooks=["wh_named", "wh_rival"])
    world.delivering.take(ended)
    assert {key[:2] for key in world.records.parcels} == {("acme", "wh_named")}
    world.delivering.take(event("e-2", detail_type="job.failed", webhooks=["wh_other"]))
    assert {key[:2] for key in world.records.parcels} == {("acme", "wh_named")}


def test_should_sign_what_the_reference_library_verifies() -> None:
    world = World()
    world.records.add("acme", webhook())
    world.delivering.take(event(path="über.txt"))
    world.run()
    url, headers, body = world.receiver.got[0]
    assert url == "https://example.com/hook"
    timestamp = int(headers["webhook-timestamp"])
    verified = _verified_at(timestamp, body, headers)
    assert verified == {
        "type": "document.ready",
        "timestamp": "2026-01-02T03:04:00Z",
        "data": {"tenant": "acme", "document_id": "doc_1", "path": "über.txt"},
    }


def _verified_at(timestamp: int, body: bytes, headers: object) -> object:
    """Verify with the reference library's own signature: it refuses timestamps of the past."""
    assert isinstance(headers, dict)
    moment = datetime.fromtimestamp(timestamp, UTC)
    expected = Verifier(SECRET).sign(headers["webhook-id"], moment, body.decode())
    assert expected in headers["webhook-signature"].split(" ")
    return json.loads(body)


def test_should_sign_with_the_old_secret_too_after_a_rotation() -> None:
    world = World()
    world.records.add("acme", webhook())
    world.records.rotate("acme", "wh_a", "whsec_" + "WFla" * 10, world.now)
    world.delivering.take(event())
    world.run()
    headers = world.receiver.got[0][1]
    assert len(set(headers["webhook-signature"].split(" "))) == 2


def test_should_try_again_for_a_day_and_then_give_up_with_the_reason() -> None:
    world = World()
    world.receiver.answers = [ReceiverResponse(500, "boom")]
    world.records.add("acme", webhook())
    began = world.now
    world.delivering.take(event())
    became = world.run()
    assert became.count("FAILED") == MAX_ATTEMPTS - 1
    assert became[-1] == "GIVEN_UP"
    assert len(world.receiver.got) == MAX_ATTEMPTS
    assert timedelta(hours=24) < world.now - began < timedelta(hours=36)
    (parcel,) = world.records.parcels.values()
    told = parcel.delivery
    assert (told.status, told.last_http_status, told.last_error) == ("failed", 500, "boom")
    bodies = {body for _, _, body in world.receiver.got}
    ids = {headers["webhook-id"] for _, headers, _ in world.receiver.got}
    assert len(bodies) == len(ids) == 1


def test_should_recover_when_the_receiver_does() -> None:
    world = World()
    world.receiver.answers = [
        ReceiverResponse(None, "no route"),
        ReceiverResponse(503),
        ReceiverResponse(200),
    ]
    world.records.add("acme", webhook())
    world.delivering.take(event())
    assert [name for name in world.run() if name != "EARLY"] == ["FAILED", "FAILED", "DELIVERED"]


def test_should_stop_when_the_receiver_is_gone() -> None:
    world = World()
    world.receiver.answers = [ReceiverResponse(410)]
    world.records.add("acme", webhook())
    world.delivering.take(event())
    assert world.run() == ["GIVEN_UP"]
    found = world.records.webhook("acme", "wh_a")
    assert found is not None
    assert found.status == "gone"
    world.delivering.take(event("e-2"))
    assert world.queue.sent == []


def test_should_give_up_what_belongs_to_a_webhook_that_was_removed() -> None:
    world = World()
    world.records.add("acme", webhook())
    world.delivering.take(event())
    world.records.remove("acme", "wh_a")
    assert world.run() == ["GIVEN_UP"]
    assert world.receiver.got == []


@settings(deadline=None, max_examples=often(50, 12))
@given(
    repeat=st.integers(1, 3),
    answers=st.lists(st.sampled_from([200, 500, None]), min_size=1, max_size=12),
)
def test_should_not_deliver_twice_however_often_messages_come(
    repeat: int, answers: list[int | None]
) -> None:
    world = World()
    world.receiver.answers = [ReceiverResponse(status, "") for status in answers]
    world.records.add("acme", webhook())
    for _ in range(repeat):
        world.delivering.take(event())
    world.run(repeat)
    (parcel,) = world.records.parcels.values()
    assert parcel.delivery.status in {"delivered", "failed"}
    wanted = next(
        (n for n, status in enumerate([*answers, *answers[-1:] * 12]) if status == 200),
        MAX_ATTEMPTS,
    )
    assert len(world.receiver.got) == min(wanted + 1, MAX_ATTEMPTS)
    assert parcel.delivery.attempts == len(world.receiver.got)


def test_should_go_on_where_an_attempt_broke_off() -> None:
    """The process died after the request was sent, at each attempt: each one is counted."""
    world = World()
    world.records.add("acme", webhook())
    world.delivering.take(event())
    (due,) = world.queue.sent
    for attempt in range(1, MAX_ATTEMPTS + 1):
        world.receiver.dies = True
        with pytest.raises(Killed):
            world.take(due)
        (parcel,) = world.records.parcels.values()
        assert (parcel.delivery.attempts, parcel.delivery.status) == (attempt, "pending")
        assert world.take(due).result is DeliveryResult.EARLY
        world.now += LEASE
    assert world.run() == ["GIVEN_UP"]
    (parcel,) = world.records.parcels.values()
    assert (parcel.delivery.attempts, parcel.delivery.status) == (MAX_ATTEMPTS, "failed")
    assert "broke off" in parcel.delivery.last_error
    assert len(world.receiver.got) == MAX_ATTEMPTS


def test_should_leave_an_attempt_to_the_message_that_claimed_it() -> None:
    """Two messages of one delivery at the same time: one request, and neither message is lost."""
    world = World()
    world.records.add("acme", webhook())
    world.delivering.take(event())
    (due,) = world.queue.sent
    seen: list[ProcessedMessage] = []
    world.receiver.meanwhile = lambda: seen.append(world.take(due))
    assert world.take(due).result is DeliveryResult.DELIVERED
    assert seen == [ProcessedMessage(DeliveryResult.EARLY, LEASE)]
    assert len(world.receiver.got) == 1
    assert world.take(due) == ProcessedMessage(DeliveryResult.REPEATED)


def test_should_keep_one_message_from_the_first_attempt_to_the_last() -> None:
    """A function that sends to the queue that invokes it is stopped after 16 rounds.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
    """
    world = World()
    world.receiver.answers = [ReceiverResponse(500)]
    world.records.add("acme", webhook())
    world.delivering.take(event())
    (due,) = world.queue.sent
    world.queue.sent.clear()
    processed = world.take(due)
    while processed.again_after is not None:
        world.now += processed.again_after
        processed = world.take(due)
    assert processed.result is DeliveryResult.GIVEN_UP
    assert (len(world.receiver.got), world.queue.sent) == (MAX_ATTEMPTS, [])


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", '{"id": 1}', event().replace('"tenant"', '"owner"')]
)
def test_should_leave_what_is_no_webhook_work_to_the_dead_letters(body: str) -> None:
    with pytest.raises(InvalidInput):
        parse_message(body)


@dataclass
class _Hidden:
    waits: dict[str, timedelta] = field(default_factory=dict)

    def hide(self, receipt_handle: str, wait: timedelta) -> None:
        self.waits[receipt_handle] = wait


def test_should_hide_a_message_that_waits_and_report_it_as_not_done() -> None:
    """Lambda deletes what is not reported.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    world, hidden = World(), _Hidden()
    world.records.add("acme", webhook())
    world.receiver.answers = [ReceiverResponse(503), ReceiverResponse(204)]
    world.delivering.take(event())
    handlers = WebhookHandlers(world.delivering, hidden)
    body = world.queue.sent[0].model_dump_json()
    record = {"messageId": "m-1", "receiptHandle": "r-1", "body": body, "eventSource": "aws:sqs"}
    told = handlers.webhook_due({"Records": [record]})
    assert told == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert timedelta(seconds=5) <= hidden.waits["r-1"] <= timedelta(seconds=5.5)
    world.now += hidden.waits["r-1"]
    assert handlers.webhook_due({"Records": [record]}) == {"batchItemFailures": []}
