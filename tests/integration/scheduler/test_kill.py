"""A schedule that fired is delivered, also when the process is killed in between."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from localcloud.scheduler import SchedulerService
from localcloud.service import CloudContext
from localcloud.sqs import SqsService
from tests.unit.timing import until

FIRE_AND_HANG = """
import sys, time
from pathlib import Path
from localcloud.scheduler import SchedulerService
from localcloud.service import CloudContext

def hang(arn, payload, definition):
    sys.stdout.write("delivering\\n")
    sys.stdout.flush()
    time.sleep(600)

scheduler = SchedulerService(CloudContext(Path(sys.argv[1]), "http://127.0.0.1:1"), {"sqs": hang})
scheduler.start()
scheduler.create_schedule({
    "Name": "s", "ScheduleExpression": "rate(1 day)", "FlexibleTimeWindow": {"Mode": "OFF"},
    "Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q",
               "RoleArn": "arn:aws:iam::000000000000:role/r", "Input": "tick"},
})
time.sleep(600)
"""


def test_a_firing_survives_a_kill_during_its_delivery(tmp_path: Path) -> None:
    """scheduler/latest/UserGuide/what-is-scheduler.html: at least once."""
    command = [sys.executable, "-c", FIRE_AND_HANG, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "delivering\n"
        process.kill()
    context = CloudContext(tmp_path, "http://127.0.0.1:1")
    sqs = SqsService(context)
    url = sqs.create_queue({"QueueName": "q"})["QueueUrl"]
    scheduler = SchedulerService(context, {"sqs": sqs.deliver})
    scheduler.start()
    until(lambda: scheduler.pending_deliveries() == 0)
    answer = sqs.receive_message({"QueueUrl": url, "MaxNumberOfMessages": 10})
    scheduler.stop()
    sqs.stop()
    assert [message["Body"] for message in answer["Messages"]] == ["tick"]
