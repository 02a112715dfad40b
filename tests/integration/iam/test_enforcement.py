"""Roles of the template through boto3: what they may do is done, and all else is AccessDenied."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.iam.ledger import LEDGER_FILE, CallRecord, read_ledger
from tests.cloud import CloudProcess
from tests.integration.permitting import make_role

ACCOUNT = "000000000000"


@pytest.fixture(scope="module")
def own_cloud(
    tmp_path_factory: pytest.TempPathFactory, models_pulled: Path
) -> Iterator[CloudProcess]:
    """A cloud whose refusals are in no ledger that anybody judges."""
    process = CloudProcess(tmp_path_factory.mktemp("iam-cloud")).start()
    yield process
    process.stop()


def as_role(cloud: CloudProcess, role_arn: str) -> Callable[[str], Any]:
    """Make clients that call as `role_arn`."""
    asked = cloud.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="by-hand")
    key = asked["Credentials"]

    def client(service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]  # its stubs know only literal names
            service,
            region_name="us-east-1",
            endpoint_url=cloud.endpoint_url,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
            aws_session_token=key["SessionToken"],
            config=Config(
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
                s3={"addressing_style": "path"},
                signature_version="s3v4" if service == "s3" else None,
            ),
        )

    return client


def role_of(cloud: CloudProcess, function: str) -> str:
    """Return the role of a function of the template by the end of its name."""
    for page in cloud.client("lambda").get_paginator("list_functions").paginate():
        for each in page["Functions"]:
            if function in each["FunctionName"]:
                return str(each["Role"])
    raise LookupError(function)


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    """Return the code and the message with which a call was refused."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.fixture(scope="module")
def chunking(own_cloud: CloudProcess) -> Callable[[str], Any]:
    """Clients of the function that cuts documents: objects of `documents/`, and nothing else."""
    return as_role(own_cloud, role_of(own_cloud, "chunk-document"))


def test_a_role_should_know_who_it_is(
    own_cloud: CloudProcess, chunking: Callable[[str], Any]
) -> None:
    role = role_of(own_cloud, "chunk-document").rpartition("/")[2]
    identity = chunking("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/by-hand"
    assert identity["Account"] == ACCOUNT


def test_a_function_should_write_where_it_may_and_nowhere_else(
    own_cloud: CloudProcess, chunking: Callable[[str], Any]
) -> None:
    s3, bucket = chunking("s3"), own_cloud.outputs["DocumentsBucketName"]
    s3.put_object(Bucket=bucket, Key="documents/t/chunks.jsonl", Body=b"{}")
    assert s3.get_object(Bucket=bucket, Key="documents/t/chunks.jsonl")["Body"].read() == b"{}"
    code, message = refusal(lambda: s3.put_object(Bucket=bucket, Key="inbox/a", Body=b""))
    assert code == "AccessDenied"
    assert f's3:PutObject on resource: "arn:aws:s3:::{bucket}/inbox/a"' in message
    upload: dict[str, Any] = {"Bucket": bucket, "Key": "inbox/a"}
    assert refusal(lambda: s3.create_multipart_upload(**upload))[0] == "AccessDenied"
    source = {"Bucket": bucket, "Key": "inbox/a"}
    target = {"Bucket": bucket, "Key": "documents/b"}
    assert refusal(lambda: s3.copy_object(CopySource=source, **target))[0] == "AccessDenied"


def test_an_object_that_is_missing_should_be_forbidden_to_who_may_not_list(
    own_cloud: CloudProcess, chunking: Callable[[str], Any]
) -> None:
    missing = {"Bucket": own_cloud.outputs["DocumentsBucketName"], "Key": "documents/missing"}
    code, message = refusal(lambda: chunking("s3").get_object(**missing))
    assert (code, "s3:ListBucket" in message) == ("AccessDenied", True)
    assert refusal(lambda: own_cloud.client("s3").get_object(**missing))[0] == "NoSuchKey"


def test_each_key_of_a_deletion_should_be_allowed_for_itself(own_cloud: CloudProcess) -> None:
    bucket = own_cloud.outputs["DocumentsBucketName"]
    objects = [
        {
            "Key": key,
            "VersionId": own_cloud.client("s3").put_object(Bucket=bucket, Key=key)["VersionId"],
        }
        for key in ("jobs/a", "documents/a")
    ]
    s3 = as_role(own_cloud, role_of(own_cloud, "export-documents"))("s3")
    doomed: Any = {"Objects": objects}
    answer = s3.delete_objects(Bucket=bucket, Delete=doomed)
    assert [each["Key"] for each in answer["Deleted"]] == ["jobs/a"]
    assert [(each["Key"], each["Code"]) for each in answer["Errors"]] == [
        ("documents/a", "AccessDenied")
    ]


def test_what_a_role_signed_should_be_held_to_its_policy_when_it_is_used(
    own_cloud: CloudProcess, chunking: Callable[[str], Any]
) -> None:
    s3, bucket = chunking("s3"), own_cloud.outputs["DocumentsBucketName"]
    s3.put_object(Bucket=bucket, Key="documents/s", Body=b"signed")
    statuses = {}
    for key in ("documents/s", "inbox/s"):
        url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
        form = s3.generate_presigned_post(bucket, key)
        got = httpx.get(url)
        posted = httpx.post(form["url"], data=form["fields"], files={"file": b"x"})
        statuses[key] = (got.status_code, posted.status_code)
    assert statuses == {"documents/s": (200, 204), "inbox/s": (403, 403)}


def test_a_signature_without_its_session_token_should_be_refused(
    own_cloud: CloudProcess, chunking: Callable[[str], Any]
) -> None:
    bucket = own_cloud.outputs["DocumentsBucketName"]
    url = chunking("s3").generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "documents/s"}
    )
    parts = httpx.URL(url)
    bare = parts.copy_remove_param("X-Amz-Security-Token")
    assert httpx.get(bare).status_code in (400, 403)


@pytest.mark.parametrize(
    ("service", "call", "code", "status", "action"),
    [
        (
            "dynamodb",
            lambda c, o: c.get_item(TableName=o["RecordsTableName"], Key={"pk": {"S": "A"}}),
            "AccessDeniedException",
            400,
            "dynamodb:GetItem",
        ),
        (
            "sqs",
            lambda c, o: c.send_message(QueueUrl=o["InboxQueueUrl"], MessageBody="x"),
            "AccessDenied",
            403,
            "sqs:sendmessage",
        ),
        (
            "lambda",
            lambda c, o: c.invoke(FunctionName=o["EmbedTextName"]),
            "AccessDeniedException",
            403,
            "lambda:InvokeFunction",
        ),
        (
            "stepfunctions",
            lambda c, o: c.start_execution(stateMachineArn=o["IngestMachineArn"]),
            "AccessDeniedException",
            400,
            "states:StartExecution",
        ),
        (
            "events",
            lambda c, o: c.put_events(Entries=[{"Source": "a", "DetailType": "b", "Detail": "{}"}]),
            "AccessDeniedException",
            403,
            "events:PutEvents",
        ),
        (
            "s3vectors",
            lambda c, o: c.list_indexes(vectorBucketName=o["VectorBucketName"]),
            "AccessDeniedException",
            403,
            "s3vectors:ListIndexes",
        ),
        (
            "bedrock-runtime",
            lambda c, o: c.converse(
                modelId="amazon.nova-micro-v1:0",
                messages=[{"role": "user", "content": [{"text": "x"}]}],
            ),
            "AccessDeniedException",
            403,
            "bedrock:InvokeModel",
        ),
        ("iam", lambda c, o: c.list_roles(), "AccessDenied", 403, "iam:ListRoles"),
        (
            "sns",
            lambda c, o: c.publish(TopicArn="arn:aws:sns:us-east-1:0:t", Message="x"),
            "AuthorizationError",
            403,
            "sns:Publish",
        ),
    ],
)
def test_a_service_should_refuse_with_its_own_code_what_no_policy_allows(
    own_cloud: CloudProcess,
    chunking: Callable[[str], Any],
    service: str,
    call: Callable[[Any, Any], Any],
    code: str,
    status: int,
    action: str,
) -> None:
    with pytest.raises(ClientError) as caught:
        call(chunking(service), own_cloud.outputs)
    response = caught.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert f"is not authorized to perform: {action} on resource: " in response["Error"]["Message"]


def test_the_authorizer_should_read_keys_and_no_tenants_records(own_cloud: CloudProcess) -> None:
    table = own_cloud.outputs["RecordsTableName"]
    dynamodb = as_role(own_cloud, role_of(own_cloud, "authorizer"))("dynamodb")
    key = {"pk": {"S": "KEY#x"}, "sk": {"S": "KEY"}}
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key)
    key["pk"] = {"S": "TENANT#local"}
    code, _ = refusal(lambda: dynamodb.get_item(TableName=table, Key=key))
    assert code == "AccessDeniedException"


def test_metadata_of_vectors_should_need_get_vectors(own_cloud: CloudProcess) -> None:
    bucket = own_cloud.outputs["VectorBucketName"]
    index = own_cloud.client("s3vectors").list_indexes(vectorBucketName=bucket)["indexes"][0]
    name = f"asker-{uuid.uuid4().hex[:8]}"
    arn = make_role(own_cloud.client("iam"), name, ["s3vectors:QueryVectors"])
    vectors = as_role(own_cloud, arn)("s3vectors")
    described = own_cloud.client("s3vectors").get_index(indexArn=index["indexArn"])["index"]
    query: dict[str, Any] = {
        "indexArn": index["indexArn"],
        "topK": 1,
        "queryVector": {"float32": [0.5] * described["dimension"]},
    }
    assert vectors.query_vectors(**query)["vectors"] == []
    code, message = refusal(lambda: vectors.query_vectors(**query, returnMetadata=True))
    assert (code, "s3vectors:GetVectors" in message) == ("AccessDeniedException", True)


def test_a_policy_that_changes_should_count_from_the_next_call(own_cloud: CloudProcess) -> None:
    iam, name = own_cloud.client("iam"), f"changing-{uuid.uuid4().hex[:8]}"
    sqs = as_role(own_cloud, make_role(iam, name, ["sqs:GetQueueUrl"]))("sqs")
    asked = {"QueueName": "headrace-local-inbox"}
    sqs.get_queue_url(**asked)
    iam.delete_role_policy(RoleName=name, PolicyName="may")
    assert refusal(lambda: sqs.get_queue_url(**asked))[0] == "AccessDenied"


def test_documents_should_be_refused_over_anything_but_tls(own_cloud: CloudProcess) -> None:
    bucket = own_cloud.outputs["DocumentsBucketName"]
    policy = json.loads(own_cloud.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    (statement,) = policy["Statement"]
    assert (statement["Effect"], statement["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )


def test_a_machine_whose_role_may_not_run_its_map_should_fail_with_permissions(
    own_cloud: CloudProcess,
) -> None:
    states, name = own_cloud.client("stepfunctions"), f"mapping-{uuid.uuid4().hex[:8]}"
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    each = {"Type": "Map", "ItemProcessor": {**inner, "ProcessorConfig": config}, "End": True}
    machine = states.create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "Each", "States": {"Each": each}}),
        roleArn=make_role(own_cloud.client("iam"), name, ["sqs:SendMessage"]),
    )
    started = states.start_execution(stateMachineArn=machine["stateMachineArn"], input="[1]")
    while True:
        described = states.describe_execution(executionArn=started["executionArn"])
        if described["status"] != "RUNNING":
            break
    assert (described["status"], described["error"]) == ("FAILED", "States.Permissions")
    assert "states:StartExecution" in described["cause"]


def test_a_rule_that_a_queue_does_not_let_in_should_end_in_its_dead_letters(
    own_cloud: CloudProcess,
) -> None:
    sqs, events = own_cloud.client("sqs"), own_cloud.client("events")
    closed = sqs.create_queue(QueueName=f"closed-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    dead = sqs.create_queue(QueueName=f"dead-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    rule = f"closed-{uuid.uuid4().hex[:8]}"
    rule_arn = events.put_rule(Name=rule, EventPattern=json.dumps({"source": [rule]}))["RuleArn"]
    arns = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        for url in (closed, dead)
    }
    dead_arn = arns[dead]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": dead_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=dead, Attributes={"Policy": policy})
    target = {"Id": "q", "Arn": arns[closed]["QueueArn"], "DeadLetterConfig": {"Arn": dead_arn}}
    events.put_targets(Rule=rule, Targets=[target])
    events.put_events(Entries=[{"Source": rule, "DetailType": "x", "Detail": "{}"}])
    received: list[Any] = []
    for _ in range(20):
        received = sqs.receive_message(
            QueueUrl=dead, WaitTimeSeconds=1, MessageAttributeNames=["All"]
        ).get("Messages", [])
        if received:
            break
    (message,) = received
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert "Messages" not in sqs.receive_message(QueueUrl=closed)


def ask(client: Any, model: str) -> str:
    """Ask a model for one token, and return the role that its answer is said in."""
    messages = [{"role": "user", "content": [{"text": "Good morning."}]}]
    answer = client.converse(modelId=model, messages=messages, inferenceConfig={"maxTokens": 1})
    return str(answer["output"]["message"]["role"])


@pytest.mark.parametrize("function", ["stream-answer", "apihandler"])
def test_who_answers_should_ask_the_models_that_are_served_and_no_other(
    own_cloud: CloudProcess, function: str
) -> None:
    bedrock = as_role(own_cloud, role_of(own_cloud, function))("bedrock-runtime")
    assert ask(bedrock, "amazon.nova-micro-v1:0") == "assistant"
    for other in ("amazon.unserved-v1:0", "us.amazon.unserved-v1:0"):
        code, message = refusal(lambda asked=other: ask(bedrock, asked))  # type: ignore[misc]
        assert (code, other in message) == ("AccessDeniedException", True)


def test_a_stage_on_a_profile_should_ask_its_model_through_the_profile_alone(
    own_cloud: CloudProcess,
) -> None:
    profile, model = "us.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0"
    name = f"asks-{uuid.uuid4().hex[:8]}"
    role = make_role(own_cloud.client("iam"), name, ["sqs:ListQueues"])
    arn = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/{profile}"
    through = {"ArnLike": {"bedrock:InferenceProfileArn": arn}}
    statements: list[dict[str, Any]] = [
        {"Resource": [f"arn:aws:bedrock:us-east-1::foundation-model/{profile}", arn]},
        {"Resource": "arn:aws:bedrock:*::foundation-model/*", "Condition": through},
    ]
    allowed = [{"Effect": "Allow", "Action": "bedrock:InvokeModel", **each} for each in statements]
    own_cloud.client("iam").put_role_policy(
        RoleName=name,
        PolicyName="ask",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
    )
    bedrock = as_role(own_cloud, role)("bedrock-runtime")
    assert ask(bedrock, profile) == "assistant"
    assert refusal(lambda: ask(bedrock, model))[0] == "AccessDeniedException"
    assert refusal(lambda: ask(bedrock, "us.amazon.nova-pro-v1:0"))[0] == "AccessDeniedException"


def test_keys_and_ledger_should_outlive_a_kill(tmp_path: Path, models_pulled: Path) -> None:
    cloud = CloudProcess(tmp_path / "data").start()
    try:
        role = role_of(cloud, "chunk-document")
        client = as_role(cloud, role)
        kept = {"Bucket": cloud.outputs["DocumentsBucketName"], "Key": "documents/k"}
        client("s3").put_object(**kept, Body=b"kept")
        cloud.kill()
        cloud.start()
        assert httpx.get(client("s3").generate_presigned_url("get_object", kept)).content == b"kept"
        cloud.kill()
        calls = read_ledger(tmp_path / "data" / "iam" / LEDGER_FILE).calls
        assert calls[CallRecord(role, "s3", "PutObject")] == 1
        assert calls[CallRecord(role, "s3", "GetObject")] == 1
    finally:
        cloud.kill()
