"""The local cloud as a process: how it starts, what it keeps, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import time_machine
from botocore.exceptions import ClientError

from localcloud.moved_clock import CLOCK_FILE
from tests.cloud import PROJECT, CloudProcess


def start_badly(
    data_dir: Path, *more: str, cwd: Path = PROJECT
) -> subprocess.CompletedProcess[str]:
    """Start a local cloud that cannot start; return what it said."""
    return subprocess.run(
        [sys.executable, "-m", "localcloud.server", "--data-dir", str(data_dir), *more],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )


def children(pid: int) -> set[int]:
    found = set()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(words[1]) == pid:
                found.add(int(entry.name))
    return found


def until_gone(pids: set[int]) -> None:
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline, f"of {pids} some still run"
        time.sleep(0.05)


CLOCK = "2027-03-28T00:59:00Z"
DAY = CLOCK[:10]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """A local cloud that tests look at, in the night of a clock change."""
    process = CloudProcess(tmp_path_factory.mktemp("started"), "--clock", CLOCK).start()
    yield process
    process.stop()


@pytest.fixture
def there(started: CloudProcess) -> Iterator[CloudProcess]:
    """The cloud, while this process lives at its clock."""
    offset = json.loads((started.data_dir / CLOCK_FILE).read_text())["offset_seconds"]
    with time_machine.travel(time.time() + offset, tick=True):
        yield started


def test_a_second_start_on_the_folder_should_say_what_to_do(there: CloudProcess) -> None:
    done = start_badly(there.data_dir, "--port", "0")
    assert done.returncode == 3
    last = done.stderr.strip().splitlines()[-1]
    assert f"in use by a local cloud, process {there.pid}." in last
    assert "`headrace down`" in last
    assert "Traceback" not in done.stderr
    assert there.client("sqs").list_queues()["QueueUrls"]


def test_a_port_that_is_taken_should_be_said_in_one_line(
    started: CloudProcess, tmp_path: Path
) -> None:
    port = started.endpoint_url.rpartition(":")[2]
    done = start_badly(tmp_path / "other", "--port", port)
    assert done.returncode == 3
    assert f"Port {port} of 127.0.0.1 cannot be used" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_only_this_machine_and_this_user_should_get_in(started: CloudProcess) -> None:
    port = int(started.endpoint_url.rpartition(":")[2])
    listening = {
        line.split()[1]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    }
    assert listening == {f"0100007F:{port:04X}"}
    elsewhere = f"import socket; socket.create_connection(('127.0.0.2', {port}), 5)"
    tried = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True)
    assert "ConnectionRefusedError" in tried.stderr
    mode = (started.data_dir / "cloud.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    kept = json.loads((started.data_dir / "cloud.json").read_text())
    assert (kept["pid"], kept["api_key"]) == (started.pid, started.api_key)


def test_functions_and_presigned_urls_should_live_at_the_clock(started: CloudProcess) -> None:
    """A client needs no moved clock where it signs nothing, as the command line does not."""
    headers = {"Authorization": f"Bearer {started.api_key}"}
    with httpx.Client(base_url=started.endpoint_url, headers=headers, timeout=60) as api:
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


def test_a_signature_of_another_time_should_be_refused(started: CloudProcess) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html"""
    with pytest.raises(ClientError, match="Signature expired") as told:
        started.client("sqs").list_queues()
    assert told.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_an_end_should_take_every_worker_along(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path / "data").start()
    function = cloud.outputs["APIHandlerName"]
    cloud.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    pid, workers = cloud.pid, children(cloud.pid)
    assert workers
    cloud.stop()
    until_gone(workers | {pid})
    assert "Traceback" not in cloud.log


def test_a_signal_during_the_start_should_end_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    process = subprocess.Popen(
        [sys.executable, "-m", "localcloud.server", "--port", "0", "--data-dir", str(data)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 30
    while not (data / "lock").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert b"Traceback" not in said
    assert process.returncode in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    ("app", "template", "words"),
    [
        ("raise RuntimeError('this app is broken')", "Resources: {}", "this app is broken"),
        (
            "from chalice import Chalice\napp = Chalice(app_name='x')\n",
            "Resources:\n  Machine:\n    Type: AWS::EC2::Instance\n",
            "AWS::EC2::Instance",
        ),
    ],
)
def test_a_broken_app_or_template_should_be_named(
    tmp_path: Path, app: str, template: str, words: str
) -> None:
    project = tmp_path / "project"
    (project / "infra").mkdir(parents=True)
    (project / ".chalice").mkdir()
    config = {"version": "2.0", "app_name": "x", "stages": {"local": {}}}
    (project / ".chalice" / "config.json").write_text(json.dumps(config))
    (project / "app.py").write_text(app)
    (project / "requirements.txt").write_text("")
    (project / "infra" / "template.yaml").write_text(template)
    done = start_badly(tmp_path / "data", "--port", "0", "--project", str(project))
    assert done.returncode == 3
    assert words in done.stderr.strip().splitlines()[-1]


def test_what_was_acknowledged_should_be_there_after_a_restart(tmp_path: Path) -> None:
    cloud = CloudProcess(tmp_path / "data").start()
    key, outputs = cloud.api_key, cloud.outputs
    table, bucket = outputs["RecordsTableName"], outputs["DocumentsBucketName"]
    place = {"vectorBucketName": outputs["VectorBucketName"], "indexName": "kept"}
    record = {"pk": {"S": "KEPT"}, "sk": {"S": "1"}}
    queue = cloud.client("sqs").create_queue(QueueName="kept")["QueueUrl"]
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="kept")
    cloud.client("s3").put_object(Bucket=bucket, Key="kept", Body=b"kept")
    cloud.client("dynamodb").put_item(TableName=table, Item=record)
    vectors = cloud.client("s3vectors")
    vectors.create_index(**place, dataType="float32", dimension=2, distanceMetric="cosine")
    vectors.put_vectors(**place, vectors=[{"key": "kept", "data": {"float32": [1.0, 0.0]}}])
    who = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [{**who, "Action": "sts:AssumeRole"}]}
    role = cloud.client("iam").create_role(
        RoleName="kept", AssumeRolePolicyDocument=json.dumps(trust)
    )
    cloud.client("scheduler").create_schedule(
        Name="kept",
        ScheduleExpression="rate(30 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={
            "Arn": "arn:aws:sqs:us-east-1:000000000000:kept",
            "RoleArn": role["Role"]["Arn"],
        },
    )
    cloud.kill()
    cloud.start()
    assert cloud.api_key == key
    assert re.fullmatch(r"hr_[\w-]{43}", key)
    queue = cloud.client("sqs").get_queue_url(QueueName="kept")["QueueUrl"]
    assert queue.startswith(cloud.endpoint_url)
    (message,) = cloud.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "kept"
    assert cloud.client("s3").get_object(Bucket=bucket, Key="kept")["Body"].read() == b"kept"
    found = cloud.client("dynamodb").get_item(TableName=table, Key=record)
    assert found["Item"] == record
    (vector,) = cloud.client("s3vectors").get_vectors(**place, keys=["kept"], returnData=True)[
        "vectors"
    ]
    assert vector["data"] == {"float32": [1.0, 0.0]}
    assert cloud.client("scheduler").get_schedule(Name="kept")["State"] == "ENABLED"
    inbox = cloud.outputs["InboxQueueUrl"]
    assert inbox.startswith(cloud.endpoint_url)
    cloud.stop()
