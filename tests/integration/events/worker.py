"""A process that puts events and delivers them to queues until it is killed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from localcloud.events import EventsService
from localcloud.service import CloudContext
from localcloud.sqs import SqsService

ARN = "arn:aws:sqs:us-east-1:000000000000:"


def open_services(folder: Path) -> tuple[SqsService, EventsService]:
    context = CloudContext(folder, "http://127.0.0.1:1")
    sqs = SqsService(context)
    return sqs, EventsService(context, {"sqs": sqs.deliver})


def main(folder: str) -> None:
    sqs, events = open_services(Path(folder))
    sqs.create_queue({"QueueName": "plain"})
    sqs.create_queue({"QueueName": "once.fifo", "Attributes": {"FifoQueue": "true"}})
    events.put_rule({"Name": "r", "EventPattern": json.dumps({"source": ["test"]})})
    targets = [
        {"Id": "plain", "Arn": f"{ARN}plain"},
        {"Id": "once", "Arn": f"{ARN}once.fifo", "SqsParameters": {"MessageGroupId": "g"}},
    ]
    events.put_targets({"Rule": "r", "Targets": targets})
    events.start()
    number = 0
    while True:
        entry = {"Source": "test", "DetailType": "n", "Detail": json.dumps({"n": number})}
        events.put_events({"Entries": [entry]})
        events.publish({"source": "test", "detail-type": "n", "detail": {"n": number + 1}})
        sys.stdout.write(f"{number}\n{number + 1}\n")
        sys.stdout.flush()
        number += 2


if __name__ == "__main__":
    main(sys.argv[1])
