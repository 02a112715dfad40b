"""What EventBridge accepted is delivered, also when the process is killed in between."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from localcloud.sqs import SqsService
from tests.integration.events.worker import open_services
from tests.unit.timing import until


def accepted_until_killed(folder: Path, lines: int) -> set[int]:
    command = [sys.executable, "-m", "tests.integration.events.worker", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        told.extend(process.stdout)
    return {int(line) for line in told if line.endswith("\n")}


def received(sqs: SqsService, queue: str) -> Counter[int]:
    url = sqs.get_queue_url({"QueueName": queue})["QueueUrl"]
    found: Counter[int] = Counter()
    while True:
        answer = sqs.receive_message({"QueueUrl": url, "MaxNumberOfMessages": 10})
        for message in answer.get("Messages", []):
            found[json.loads(message["Body"])["detail"]["n"]] += 1
            sqs.delete_message({"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]})
        if not answer:
            return found


@pytest.mark.parametrize("seed", range(4))
def test_every_accepted_event_is_delivered_after_a_kill(tmp_path: Path, seed: int) -> None:
    """eventbridge/latest/userguide/eb-rule-event-delivery.html: at least once to each target."""
    accepted = accepted_until_killed(tmp_path, random.Random(seed).randint(20, 400))
    sqs, events = open_services(tmp_path)
    events.start()
    until(lambda: events.pending_deliveries() == 0, seconds=60)
    plain, once = received(sqs, "plain"), received(sqs, "once.fifo")
    events.stop()
    sqs.stop()
    assert accepted <= set(plain)
    assert accepted <= set(once)
    assert set(once.values()) == {1}, "a FIFO queue recognises a repeated delivery"
