"""State machines as boto3 sees them, with real services behind their tasks."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests import clients
from tests.cloud import CloudProcess
from tests.integration.permitting import let_rules_send, make_role

ACTIONS = (
    "dynamodb:GetItem",
    "dynamodb:PutItem",
    "s3:GetObject",
    "s3:PutObject",
    "sqs:SendMessage",
    "states:DescribeExecution",
    "states:StartExecution",
    "states:StopExecution",
)
"""What the machines of these tests do."""

INNER = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}


def unique(name: str) -> str:
    return f"{name}-{uuid.uuid4().hex[:8]}"


def one(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": {**state, "End": True}}}


def task(resource: str, parameters: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": f"arn:aws:states:::{resource}", "Parameters": parameters}


def wait_for(true: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)
    return found


class States:
    """A Step Functions client with the few steps that every test takes."""

    def __init__(self, cloud: CloudProcess) -> None:
        self.client = cloud.client("stepfunctions")
        self.role = make_role(cloud.client("iam"), unique("states"), ACTIONS)

    def begin(self, definition: dict[str, Any], value: Any = None, **more: Any) -> str:
        text = json.dumps(definition)
        machine = self.client.create_state_machine(
            name=unique("machine"), definition=text, roleArn=self.role, **more
        )
        started = self.client.start_execution(
            stateMachineArn=machine["stateMachineArn"], input=json.dumps(value)
        )
        return str(started["executionArn"])

    def finish(self, arn: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            described: dict[str, Any] = self.client.describe_execution(executionArn=arn)
            return None if described["status"] == "RUNNING" else described

        return dict(wait_for(ended))

    def run(self, definition: dict[str, Any], value: Any = None) -> Any:
        described = self.finish(self.begin(definition, value))
        assert described["status"] == "SUCCEEDED", described
        return json.loads(described["output"])


@pytest.fixture
def states(cloud: CloudProcess) -> States:
    return States(cloud)


def test_history_is_read_in_pages_by_boto3(states: States) -> None:
    arn = states.begin(one({"Type": "Map", "ItemProcessor": INNER}), list(range(40)))
    states.finish(arn)
    pages = states.client.get_paginator("get_execution_history").paginate(executionArn=arn)
    ids = [event["id"] for page in pages for event in page["events"]]
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) > 100


def test_errors_have_the_classes_of_the_model(states: States) -> None:
    arn = "arn:aws:states:us-east-1:000000000000:execution:no:such"
    with pytest.raises(states.client.exceptions.ExecutionDoesNotExist):
        states.client.describe_execution(executionArn=arn)
    with pytest.raises(states.client.exceptions.InvalidDefinition):
        states.client.create_state_machine(name="x", definition="{}", roleArn=states.role)
    with pytest.raises(states.client.exceptions.ResourceNotFound):
        states.client.describe_state_machine_alias(
            stateMachineAliasArn="arn:aws:states:us-east-1:000000000000:stateMachine:no:such"
        )
    with pytest.raises(ClientError) as caught:
        states.client.create_state_machine(
            name="x",
            definition=json.dumps(INNER),
            roleArn=states.role,
            encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"},
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] >= 400


def test_a_sync_execution_answers_on_the_host_that_boto3_puts_its_prefix_before(
    cloud: CloudProcess, states: States
) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartSyncExecution.html

    The name `sync-127.0.0.1` has no address, so that the request is sent to the one without it.
    """
    machine = states.client.create_state_machine(
        name=unique("express"), definition=json.dumps(INNER), roleArn=states.role, type="EXPRESS"
    )
    url = cloud.endpoint_url
    plain = clients.client("stepfunctions", endpoint_url=url)
    hosts: list[str] = []

    def send_to_the_address(request: Any, **_: object) -> None:
        hosts.append(urlsplit(request.url).netloc)
        request.headers["Host"] = hosts[-1]
        request.url = request.url.replace("//sync-", "//")

    plain.meta.events.register("before-send.sfn.StartSyncExecution", send_to_the_address)
    answer = plain.start_sync_execution(stateMachineArn=machine["stateMachineArn"], input="[1]")
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", "[1]")
    assert hosts == [f"sync-{urlsplit(url).netloc}"]
    plain.close()


def test_a_sync_execution_answers_at_once(states: States) -> None:
    machine = states.client.create_state_machine(
        name=unique("express"),
        definition=json.dumps(one({"Type": "Pass"})),
        roleArn=states.role,
        type="EXPRESS",
    )
    answer = states.client.start_sync_execution(
        stateMachineArn=machine["stateMachineArn"], input='{"a":1}'
    )
    assert (answer["status"], answer["output"]) == ("SUCCEEDED", '{"a":1}')


def test_a_state_is_tested_with_a_mock(states: States) -> None:
    state = task("sqs:sendMessage.waitForTaskToken", {"QueueUrl": "q", "MessageBody.$": "$.text"})
    answer = states.client.test_state(
        definition=json.dumps({**state, "ResultPath": "$.sent", "End": True}),
        input='{"text":"hello"}',
        mock={"result": '{"MessageId":"1"}'},
        inspectionLevel="DEBUG",
    )
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"]) == {"text": "hello", "sent": {"MessageId": "1"}}
    sent = json.loads(answer["inspectionData"]["afterParameters"])
    assert sent == {"QueueUrl": "q", "MessageBody": "hello"}


def test_a_token_comes_back_through_a_queue(cloud: CloudProcess, states: States) -> None:
    queue = cloud.client("sqs").create_queue(QueueName=unique("tokens"))["QueueUrl"]
    sent = {"QueueUrl": queue, "MessageBody": {"token.$": "$$.Task.Token"}}
    arn = states.begin(one(task("sqs:sendMessage.waitForTaskToken", sent)))

    def received() -> list[dict[str, Any]]:
        answer = cloud.client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=1)
        return list(answer.get("Messages", []))

    message = wait_for(received)[0]
    token = json.loads(message["Body"])["token"]
    states.client.send_task_heartbeat(taskToken=token)
    states.client.send_task_success(taskToken=token, output='"approved"')
    assert states.finish(arn)["output"] == '"approved"'
    with pytest.raises(states.client.exceptions.TaskTimedOut):
        states.client.send_task_success(taskToken=token, output="1")


def test_items_are_written_read_and_refused_by_condition(
    cloud: CloudProcess, states: States
) -> None:
    table = unique("items")
    cloud.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    put = task(
        "dynamodb:putItem",
        {
            "TableName": table,
            "Item": {"id": {"S": "1"}, "n": {"N": "7"}},
            "ConditionExpression": "attribute_not_exists(id)",
        },
    )
    get = task("aws-sdk:dynamodb:getItem", {"TableName": table, "Key": {"id": {"S": "1"}}})
    definition = {
        "StartAt": "Put",
        "States": {"Put": {**put, "Next": "Get"}, "Get": {**get, "End": True}},
    }
    assert states.run(definition)["Item"] == {"id": {"S": "1"}, "n": {"N": "7"}}
    failed = states.finish(states.begin(one(put)))
    assert failed["error"] == "DynamoDB.ConditionalCheckFailedException"
    sdk = {**put, "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem"}
    assert states.finish(states.begin(one(sdk)))["error"] == (
        "DynamoDb.ConditionalCheckFailedException"
    )


def test_a_nested_execution_is_waited_for(states: States) -> None:
    inner = states.client.create_state_machine(
        name=unique("inner"),
        definition=json.dumps(one({"Type": "Wait", "Seconds": 1})),
        roleArn=states.role,
    )["stateMachineArn"]
    given = {"StateMachineArn": inner, "Input.$": "$"}
    output = states.run(one(task("states:startExecution.sync:2", given)), {"a": 1})
    assert (output["Status"], output["Output"]) == ("SUCCEEDED", {"a": 1})


def test_a_map_reads_from_and_writes_to_a_bucket(cloud: CloudProcess, states: States) -> None:
    s3, bucket = cloud.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    lines = "".join(json.dumps({"n": number}) + "\n" for number in range(200))
    s3.put_object(Bucket=bucket, Key="in.jsonl", Body=lines.encode())
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    definition = one(
        {
            "Type": "Map",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSONL"},
                "Parameters": {"Bucket": bucket, "Key": "in.jsonl"},
            },
            "ItemBatcher": {"MaxItemsPerBatch": 10},
            "ItemProcessor": {**INNER, "ProcessorConfig": config},
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": bucket, "Prefix": "out"},
            },
        }
    )
    output = states.run(definition)
    run = states.client.describe_map_run(mapRunArn=output["MapRunArn"])
    assert (run["executionCounts"]["succeeded"], run["itemCounts"]["succeeded"]) == (20, 200)
    place = output["ResultWriterDetails"]
    manifest = json.loads(s3.get_object(**place)["Body"].read())
    results = s3.get_object(Bucket=bucket, Key=manifest["ResultFiles"]["SUCCEEDED"][0]["Key"])
    inputs = [json.loads(one["Input"])["Items"] for one in json.loads(results["Body"].read())]
    assert [item for batch in inputs for item in batch] == [{"n": number} for number in range(200)]


def test_a_change_of_status_is_an_event(cloud: CloudProcess, states: States) -> None:
    sqs, events = cloud.client("sqs"), cloud.client("events")
    queue = sqs.create_queue(QueueName=unique("status"))["QueueUrl"]
    rule = unique("status")
    pattern = {"source": ["aws.states"], "detail": {"status": ["FAILED"]}}
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    target = {"Id": "queue", "Arn": let_rules_send(sqs, queue)}
    events.put_targets(Rule=rule, Targets=[target])
    execution = states.begin({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}})
    states.finish(execution)

    def mine() -> dict[str, Any] | None:
        answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1, MaxNumberOfMessages=10)
        found = [json.loads(one["Body"]) for one in answer.get("Messages", [])]
        return next((one for one in found if one["resources"] == [execution]), None)

    event = wait_for(mine)
    assert event["detail-type"] == "Step Functions Execution Status Change"
    assert (event["detail"]["status"], event["detail"]["error"]) == ("FAILED", "E")
    assert isinstance(event["detail"]["startDate"], int)


def test_executions_go_on_after_the_cloud_was_killed(tmp_path: Path, models_pulled: Path) -> None:
    process = CloudProcess(tmp_path / "cloud").start()
    states = States(process)
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "End": True}}}
    definition = one({"Type": "Map", "ItemProcessor": {**waiting, "ProcessorConfig": config}})
    arns = [states.begin(definition, [1, 2, 3]) for _ in range(3)]
    process.kill()
    process.start()
    states = States(process)
    for arn in arns:
        assert states.finish(arn)["output"] == "[1,2,3]"
        history = states.client.get_execution_history(executionArn=arn)["events"]
        assert [event["type"] for event in history].count("MapRunStarted") == 1
        runs = states.client.list_map_runs(executionArn=arn)["mapRuns"]
        run = states.client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])
        assert run["executionCounts"]["succeeded"] == run["executionCounts"]["total"] == 3
    process.stop()
