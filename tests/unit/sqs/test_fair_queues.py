"""Standard queues whose messages have groups are fair to the groups, each a tenant.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""

from __future__ import annotations

from tests.unit.sqs.conftest import Desk
from tests.unit.timing import MovableClock


def _send(desk: Desk, url: str, group: str, count: int = 1) -> None:
    for number in range(count):
        desk.send(url, f"{group}-{number}", MessageGroupId=group)


def _one(desk: Desk, url: str) -> str:
    (message,) = desk.receive(url, MaxNumberOfMessages=1)
    return str(message["Body"])


def test_a_quiet_tenant_is_served_before_the_backlog_of_one_that_occupies_receivers(
    desk: Desk, clock: MovableClock
) -> None:
    url = desk.queue()
    _send(desk, url, "loud", 40)
    assert [_one(desk, url) for _ in range(3)] == ["loud-0", "loud-1", "loud-2"]
    clock.now += 1
    _send(desk, url, "quiet", 2)
    assert [_one(desk, url) for _ in range(3)] == ["quiet-0", "quiet-1", "loud-3"]


def test_a_message_without_a_group_is_a_tenant_of_its_own(desk: Desk, clock: MovableClock) -> None:
    url = desk.queue()
    _send(desk, url, "loud", 3)
    assert _one(desk, url) == "loud-0"
    clock.now += 1
    desk.send(url, "alone")
    assert [_one(desk, url), _one(desk, url)] == ["alone", "loud-1"]


def test_without_others_a_tenant_gets_all_receivers_in_order(desk: Desk) -> None:
    url = desk.queue()
    _send(desk, url, "only", 12)
    assert desk.bodies(url) + desk.bodies(url) == [f"only-{number}" for number in range(12)]


def test_a_few_messages_that_wait_do_not_make_a_tenant_noisy(
    desk: Desk, clock: MovableClock
) -> None:
    """Hidden by ChangeMessageVisibility, they occupy no receiver; 30 in flight are noisy."""
    url = desk.queue()

    def wait(count: int) -> None:
        _send(desk, url, "waits", count)
        for message in [found for _ in range(count // 10) for found in desk.receive(url)]:
            request = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
            desk.sqs.change_message_visibility({**request, "VisibilityTimeout": 7200})

    wait(20)
    clock.now += 1
    _send(desk, url, "waits")
    clock.now += 1
    _send(desk, url, "other")
    assert [_one(desk, url), _one(desk, url)] == ["waits-0", "other-0"]
    wait(10)
    clock.now += 1
    _send(desk, url, "waits")
    clock.now += 1
    desk.send(url, "alone")
    assert [_one(desk, url), _one(desk, url)] == ["alone", "waits-0"]
