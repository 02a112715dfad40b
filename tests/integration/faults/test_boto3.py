"""Faults as boto3 and the command line see them, on the real front door.

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
"""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from cli.main import run
from localcloud.faults import PATH, FaultInjector, FaultsApi
from localcloud.frontdoor.application import Backends, FrontDoor, Interceptors
from localcloud.frontdoor.http_server import HttpServer
from localcloud.model_usage import UsageLog
from tests import clients
from tests.cloud import PROJECT, CloudProcess
from tests.integration.permitting import make_role

NOVA = "amazon.nova-micro-v1:0"


class FakeBedrock:
    name = "bedrock-runtime"

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def converse(self, params: Any) -> Any:
        return {
            "output": {"message": {"role": "assistant", "content": [{"text": "Hello."}]}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 4, "outputTokens": 2, "totalTokens": 6},
            "metrics": {"latencyMs": 1},
        }

    def converse_stream(self, params: Any) -> Any:
        events: list[dict[str, Any]] = [
            {"messageStart": {"role": "assistant"}},
            {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hello."}}},
            {"messageStop": {"stopReason": "end_turn"}},
        ]
        return {"stream": iter(events)}


def api(environ: Any, start_response: Any) -> list[bytes]:
    start_response("403 Forbidden", [("Content-Type", "application/json")])
    return [b'{"message":"Missing Authentication Token"}']


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    http = HttpServer()
    faults = FaultInjector()
    interceptors = Interceptors(
        UsageLog(tmp_path).intercept, faults.intercept, {PATH: FaultsApi(faults)}
    )
    backends = Backends({"bedrock": (FakeBedrock(),)}, None, api, api)  # type: ignore[arg-type]
    http.start(FrontDoor(backends, None, interceptors))
    yield http.url
    http.stop()


def bedrock(url: str, attempts: int = 1) -> Any:
    config = Config(retries={"total_max_attempts": attempts})
    return clients.client("bedrock-runtime", endpoint_url=url, config=config)


def asked(**more: Any) -> dict[str, Any]:
    return {"modelId": NOVA, "messages": [{"role": "user", "content": [{"text": "Hi"}]}], **more}


def set_fault(url: str, name: str, **fault: Any) -> None:
    answer = httpx.put(f"{url}{PATH}/{name}", json=fault)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("ThrottlingException", 429),
        ("ServiceUnavailableException", 503),
        ("ModelTimeoutException", 408),
        ("InternalServerException", 500),
    ],
)
def test_an_error_should_reach_boto3_as_its_own_class(url: str, error: str, status: int) -> None:
    set_fault(url, "broken", service="bedrock-runtime", error=error)
    client = bedrock(url)
    with pytest.raises(getattr(client.exceptions, error)) as caught:
        client.converse(**asked())
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_boto3_should_get_through_by_its_own_retries(url: str, tmp_path: Path) -> None:
    set_fault(url, "at-first", operation="Converse", error="ThrottlingException", times=2)
    answer = bedrock(url, attempts=4).converse(**asked())
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    lines = [json.loads(line) for line in (tmp_path / "usage.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["refused", "refused", "answered"]
    assert [line["tokens_in"] for line in lines] == [0, 0, 4]
    assert len({line["request_id"] for line in lines}) == 3


def test_a_quota_should_be_of_one_model(url: str) -> None:
    set_fault(url, "rpm", model="amazon.*", requests_per_minute=1)
    client = bedrock(url)
    client.converse(**asked())
    with pytest.raises(client.exceptions.ThrottlingException, match="quota 'rpm'"):
        client.converse(**asked())
    client.converse(**asked(modelId="amazon.nova-lite-v1:0"))


def test_a_stream_should_break_off_as_bedrocks_do(url: str) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html"""
    set_fault(url, "cut", error="ModelStreamErrorException", after_events=1)
    stream = bedrock(url).converse_stream(**asked())["stream"]
    seen = []
    with pytest.raises(ClientError, match="modelStreamErrorException"):
        seen.extend(iter(stream))
    stream.close()


def test_the_switch_should_show_counts_and_take_faults_away(url: str) -> None:
    set_fault(url, "a", error="ThrottlingException")
    with pytest.raises(ClientError):
        bedrock(url).converse(**asked())
    (shown,) = httpx.get(f"{url}{PATH}").json()["faults"]
    assert (shown["name"], shown["counts"]["failed"]) == ("a", 1)
    assert httpx.delete(f"{url}{PATH}/b").status_code == 404
    assert httpx.delete(f"{url}{PATH}/a").json() == {"cleared": 1}
    bedrock(url).converse(**asked())


def test_the_switch_should_name_what_is_wrong(url: str) -> None:
    refused = httpx.put(f"{url}{PATH}/a", json={"rate": 3, "error": "X"})
    assert refused.status_code == 400
    assert "rate" in refused.json()["message"]
    assert httpx.put(f"{url}{PATH}", content=b"{").status_code == 400
    assert httpx.post(f"{url}{PATH}").status_code == 405


def test_the_command_should_set_show_and_clear(
    url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    options = ["--endpoint", url]
    arguments = ["--error", "ThrottlingException", "--rate", "0.5", "--tokens-per-minute", "900"]
    assert run(["faults", "set", "busy", *arguments, *options]) == 0
    assert "ThrottlingException at 0.5, 900 tokens a minute" in capsys.readouterr().out
    assert run(["faults", "show", "--json", *options]) == 0
    assert json.loads(capsys.readouterr().out)["faults"][0]["rate"] == 0.5
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"faults": [{"name": "slow", "latency_ms": 3}]}))
    assert run(["faults", "set", "--file", str(file), *options]) == 0
    shown = capsys.readouterr().out
    assert "3 ms" in shown
    assert "busy" not in shown
    assert run(["faults", "clear", *options]) == 0
    assert "Cleared 1." in capsys.readouterr().out
    assert run(["faults", "clear", "slow", *options]) == 1
    assert "No fault is called 'slow'" in capsys.readouterr().err
    assert run(["faults", "set", "a", *options]) == 1
    assert "a fault needs an error" in capsys.readouterr().err
    assert run(["faults", "set", *options]) == 2


def test_the_command_should_say_that_aws_has_no_faults(
    capsys: pytest.CaptureFixture[str],
) -> None:
    http = HttpServer()
    backends = Backends({}, None, api, api)  # type: ignore[arg-type]
    http.start(FrontDoor(backends))
    try:
        assert run(["faults", "show", "--endpoint", http.url]) == 1
    finally:
        http.stop()
    assert "is not a local cloud" in capsys.readouterr().err
    assert run(["faults", "show", "--endpoint", http.url]) == 3


def test_a_file_that_cannot_be_read_should_keep_the_cloud_from_starting(tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('{"faults": [{"rate": 7, "error": "X"}]}')
    done = subprocess.run(
        [sys.executable, "-m", "localcloud.server", "--port", "0", "--data-dir", str(tmp_path)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 3
    assert "faults.json cannot be read" in done.stderr
    assert "rate" in done.stderr


@pytest.mark.parametrize(
    ("service", "operation", "call", "error", "status"),
    [
        ("s3", "GetBucketTagging", {"Bucket": "none"}, "SlowDown", 503),
        (
            "dynamodb",
            "DescribeTimeToLive",
            {"TableName": "none"},
            "ProvisionedThroughputExceededException",
            400,
        ),
        ("sns", "GetTopicAttributes", {"TopicArn": "arn:aws:sns:us-east-1:0:x"}, "Throttled", 429),
        ("sqs", "ListDeadLetterSourceQueues", {"QueueUrl": "http://x/q"}, "RequestThrottled", 403),
        ("stepfunctions", "DescribeMapRun", {"mapRunArn": "arn:x"}, "ServiceUnavailable", 503),
    ],
)
def test_a_fault_should_befall_any_service_in_its_own_wire_format(
    cloud: CloudProcess, service: str, operation: str, call: dict[str, str], error: str, status: int
) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    fault = {"service": service, "operation": operation, "error": error, "status": status}
    name = f"{service}-only"
    set_fault(cloud.endpoint_url, name, **fault, times=1)
    client = cloud.client(service)
    try:
        with pytest.raises(ClientError) as caught:
            getattr(client, xform_name(operation))(**call)
        shown = {f["name"]: f for f in httpx.get(f"{cloud.endpoint_url}{PATH}").json()["faults"]}
    finally:
        httpx.delete(f"{cloud.endpoint_url}{PATH}/{name}")
    response = caught.value.response
    assert response["Error"]["Code"] == error
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert shown[name]["counts"]["failed"] == 1


def test_a_refusal_should_come_before_a_fault(cloud: CloudProcess) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html"""
    role = make_role(cloud.client("iam"), f"faults-{uuid.uuid4().hex[:8]}", ["s3:ListAllMyBuckets"])
    key = cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="by-hand")["Credentials"]
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=cloud.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    set_fault(cloud.endpoint_url, "refusals", model=NOVA, error="ThrottlingException")
    try:
        with pytest.raises(client.exceptions.AccessDeniedException):
            client.converse(modelId=NOVA, messages=asked()["messages"])
    finally:
        httpx.delete(f"{cloud.endpoint_url}{PATH}/refusals")
    lines = (cloud.data_dir / "bedrock" / "usage.jsonl").read_text().splitlines()
    (line,) = [each for each in map(json.loads, lines) if each["caller"] == role]
    assert (line["outcome"], line["error"]) == ("refused", "AccessDeniedException")
