"""A cloud that lives in the night of a clock change, with all that it starts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import time_machine
from botocore.exceptions import ClientError

from localcloud.moved_clock import CLOCK_FILE
from tests.cloud import CloudProcess

START = "2027-03-28T00:59:00Z"
DAY = "2027-03-28"


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    process = CloudProcess(tmp_path_factory.mktemp("moved"), "--clock", START).start()
    yield process
    process.stop()


@pytest.fixture
def there(moved: CloudProcess) -> Iterator[CloudProcess]:
    """The cloud, while this process lives at its clock."""
    offset = json.loads((moved.data_dir / CLOCK_FILE).read_text())["offset_seconds"]
    with time_machine.travel(time.time() + offset, tick=True):
        yield moved


def test_functions_and_presigned_urls_should_live_at_the_clock(moved: CloudProcess) -> None:
    """A client needs no moved clock where it signs nothing, as the command line does not."""
    headers = {"Authorization": f"Bearer {moved.api_key}"}
    with httpx.Client(base_url=moved.endpoint_url, headers=headers, timeout=60) as api:
        assert api.get("/v1/usage").json()["last_day"] == DAY
        body = b"Kiel lies by the sea."
        where = {"path": "a.txt", "bytes": len(body), "collection": "moved"}
        form = api.post("/v1/documents", json=where).json()["upload"]
    assert form["fields"]["x-amz-date"].startswith(DAY.replace("-", ""))
    sent = httpx.post(form["url"], data=form["fields"], files={"file": body})
    assert sent.status_code == 204


def test_a_schedule_should_fire_at_the_clock(there: CloudProcess) -> None:
    iam, sqs, scheduler = (there.client(name) for name in ("iam", "sqs", "scheduler"))
    who = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [{**who, "Action": "sts:AssumeRole"}]}
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
    role = iam.create_role(RoleName="sender", AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [send]})
    iam.put_role_policy(RoleName="sender", PolicyName="send", PolicyDocument=policy)
    url = sqs.create_queue(QueueName="due")["QueueUrl"]
    at = datetime.now(UTC) + timedelta(seconds=3)
    scheduler.create_schedule(
        Name="once",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:sqs:us-east-1:000000000000:due",
            "RoleArn": role["Arn"],
            "Input": "<aws.scheduler.scheduled-time>",
        },
    )
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    assert message["Body"] == f"{at:%Y-%m-%dT%H:%M:%SZ}"
    assert message["Body"].startswith(DAY)


def test_a_signature_of_another_time_should_be_refused(moved: CloudProcess) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html"""
    with pytest.raises(ClientError, match="Signature expired") as told:
        moved.client("sqs").list_queues()
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
