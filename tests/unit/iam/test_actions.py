"""What each operation needs, where it is not simply the action of its own name."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from localcloud.iam.actions import ACTION_RULES, required_permissions
from localcloud.iam.resources import AccountResources
from localcloud.iam.s3_actions import request_permissions as s3_needs_of
from localcloud.s3.operation_routes import all_operations

PLACE = AccountResources(
    "us-east-1", "000000000000", lambda table: "pk" if table == "records" else None
)
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/records"
INDEX = "arn:aws:s3vectors:us-east-1:000000000000:bucket/vectors/index/tenant"
QUEUE = "arn:aws:sqs:us-east-1:000000000000:inbox"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:embed"


def needs(service: str, operation: str, params: dict[str, Any]) -> list[tuple[str, str]]:
    return [(n.action, n.resource) for n in required_permissions(service, operation, params, PLACE)]


def test_every_implied_operation_should_be_one_that_botocore_knows() -> None:
    session = botocore.session.get_session()
    for (service, operation), implied in ACTION_RULES.items():
        name = {"monitoring": "cloudwatch"}.get(service, service)
        assert operation in session.get_service_model(name).operation_names
        assert implied.source.startswith("https://docs.aws.amazon.com/")
        assert implied.when


def test_a_transaction_should_need_what_its_parts_need_each_once() -> None:
    key = {"pk": {"S": "A"}, "sk": {"S": "1"}}
    part = {"TableName": "records", "Key": key}
    params = {
        "TransactItems": [
            {"Put": {"TableName": "records", "Item": key}},
            {"Put": {"TableName": "records", "Item": key}},
            {"Update": part},
            {"Delete": part},
            {"ConditionCheck": part},
        ]
    }
    assert needs("dynamodb", "TransactWriteItems", params) == [
        ("dynamodb:PutItem", TABLE),
        ("dynamodb:UpdateItem", TABLE),
        ("dynamodb:DeleteItem", TABLE),
        ("dynamodb:ConditionCheckItem", TABLE),
    ]


@pytest.mark.parametrize(
    ("operation", "params", "leading"),
    [
        ("GetItem", {"Key": {"pk": {"S": "KEY#1"}, "sk": {"S": "x"}}}, ("KEY#1",)),
        ("PutItem", {"Item": {"pk": {"S": "KEY#1"}}}, ("KEY#1",)),
        (
            "Query",
            {
                "KeyConditionExpression": "sk > :s AND #p = :p",
                "ExpressionAttributeNames": {"#p": "pk"},
                "ExpressionAttributeValues": {":p": {"S": "KEY#2"}, ":s": {"S": "x"}},
            },
            ("KEY#2",),
        ),
        (
            "Query",
            {
                "KeyConditionExpression": "pk=:p and begins_with(sk, :s)",
                "ExpressionAttributeValues": {":p": {"S": "KEY#3"}, ":s": {"S": "x"}},
            },
            ("KEY#3",),
        ),
    ],
)
def test_an_items_call_should_tell_its_partition_key(
    operation: str, params: dict[str, Any], leading: tuple[str, ...]
) -> None:
    (need,) = required_permissions("dynamodb", operation, {"TableName": "records", **params}, PLACE)
    assert need.context["dynamodb:leadingkeys"] == leading


@pytest.mark.parametrize(
    ("operation", "params", "names"),
    [
        ("PutItem", {"Item": {"pk": {"S": "A"}, "labels": {"S": "{}"}}}, ("labels", "pk")),
        (
            "UpdateItem",
            {
                "Key": {"pk": {"S": "A"}},
                "UpdateExpression": "SET #n0 = if_not_exists(#n0, :z), map.inner[0] = :x ADD n :v",
                "ConditionExpression": "attribute_exists(sk) AND NOT (#n1 <= :v0)",
                "ExpressionAttributeNames": {"#n0": "c:k/ab", "#n1": "R:1"},
            },
            ("R:1", "c:k/ab", "map", "n", "pk", "sk"),
        ),
        ("DeleteItem", {"Key": {"pk": {"S": "A"}, "sk": {"S": "b"}}}, ("pk", "sk")),
    ],
)
def test_an_items_call_should_tell_its_attributes(
    operation: str, params: dict[str, Any], names: tuple[str, ...]
) -> None:
    (need,) = required_permissions("dynamodb", operation, {"TableName": "records", **params}, PLACE)
    assert need.context["dynamodb:attributes"] == names


def test_a_batch_should_tell_all_partition_keys_of_a_table() -> None:
    keys = [{"pk": {"S": "B"}}, {"pk": {"S": "A"}}, {"pk": {"S": "B"}}]
    params = {"RequestItems": {"records": {"Keys": keys}}}
    (need,) = required_permissions("dynamodb", "BatchGetItem", params, PLACE)
    assert (need.resource, need.context) == (TABLE, {"dynamodb:leadingkeys": ("A", "B")})


@pytest.mark.parametrize(
    ("params", "also"),
    [
        ({}, False),
        ({"returnDistance": True}, False),
        ({"returnMetadata": False}, False),
        ({"returnMetadata": True}, True),
        ({"filter": {"a": 1}}, True),
    ],
)
def test_a_query_of_vectors_should_need_get_vectors_where_it_shows_or_reads_metadata(
    params: dict[str, Any], also: bool
) -> None:
    where = {"vectorBucketName": "vectors", "indexName": "tenant"}
    found = needs("s3vectors", "QueryVectors", {**where, **params})
    wanted = [("s3vectors:QueryVectors", INDEX)]
    assert found == wanted + ([("s3vectors:GetVectors", INDEX)] if also else [])


@pytest.mark.parametrize(
    ("service", "operation", "params", "action", "resource"),
    [
        ("sqs", "SendMessageBatch", {"QueueUrl": "http://x/0/inbox"}, "sqs:SendMessage", QUEUE),
        ("sqs", "ReceiveMessage", {"QueueUrl": "http://x/0/inbox"}, "sqs:ReceiveMessage", QUEUE),
        ("sqs", "GetQueueUrl", {"QueueName": "inbox"}, "sqs:GetQueueUrl", QUEUE),
        ("lambda", "Invoke", {"FunctionName": "embed"}, "lambda:InvokeFunction", FUNCTION),
        ("lambda", "Invoke", {"FunctionName": FUNCTION}, "lambda:InvokeFunction", FUNCTION),
        (
            "lambda",
            "Invoke",
            {"FunctionName": f"{FUNCTION}:live"},
            "lambda:InvokeFunction",
            f"{FUNCTION}:live",
        ),
        (
            "lambda",
            "InvokeWithResponseStream",
            {"FunctionName": "000000000000:function:embed", "Qualifier": "live"},
            "lambda:InvokeFunction",
            f"{FUNCTION}:live",
        ),
        (
            "bedrock-runtime",
            "Converse",
            {"modelId": "amazon.nova-micro-v1:0"},
            "bedrock:InvokeModel",
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        ),
        (
            "stepfunctions",
            "DescribeExecution",
            {"executionArn": "arn:aws:states:us-east-1:000000000000:execution:m:e"},
            "states:DescribeExecution",
            "arn:aws:states:us-east-1:000000000000:execution:m:e",
        ),
        ("monitoring", "ListMetrics", {}, "cloudwatch:ListMetrics", "*"),
        ("dynamodb", "DescribeTable", {"TableName": TABLE}, "dynamodb:DescribeTable", TABLE),
        (
            "dynamodb",
            "Query",
            {"TableName": "records", "IndexName": "i"},
            "dynamodb:Query",
            f"{TABLE}/index/i",
        ),
        (
            "events",
            "PutRule",
            {"Name": "r", "EventBusName": "b"},
            "events:PutRule",
            "arn:aws:events:us-east-1:000000000000:rule/b/r",
        ),
    ],
)
def test_an_operation_should_need_the_action_that_aws_documents(
    service: str, operation: str, params: dict[str, Any], action: str, resource: str
) -> None:
    assert needs(service, operation, params) == [(action, resource)]


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("Converse", "bedrock:InvokeModel"),
        ("ConverseStream", "bedrock:InvokeModelWithResponseStream"),
        ("InvokeModel", "bedrock:InvokeModel"),
        ("InvokeModelWithResponseStream", "bedrock:InvokeModelWithResponseStream"),
    ],
)
@pytest.mark.parametrize(
    ("geography", "regions"), [("us", ["us-east-1"]), ("global", ["us-east-1", ""])]
)
@pytest.mark.parametrize("by_arn", [False, True])
def test_an_inference_profile_should_need_the_profile_and_its_model_through_it(
    operation: str, action: str, geography: str, regions: list[str], by_arn: bool
) -> None:
    profile = f"{geography}.amazon.nova-micro-v1:0"
    arn = f"arn:aws:bedrock:us-east-1:000000000000:inference-profile/{profile}"
    asked = {"modelId": arn if by_arn else profile}
    found = required_permissions("bedrock-runtime", operation, asked, PLACE)
    assert [(need.action, need.resource, need.context) for need in found] == [
        (action, arn, {}),
        *(
            (
                action,
                f"arn:aws:bedrock:{region}::foundation-model/amazon.nova-micro-v1:0",
                {"bedrock:inferenceprofilearn": (arn,)},
            )
            for region in regions
        ),
    ]


def test_events_should_be_put_on_each_bus_that_is_named() -> None:
    arn = "arn:aws:events:us-east-1:000000000000:event-bus"
    entries = [{"EventBusName": "b"}, {}, {"EventBusName": f"{arn}/c"}, {"EventBusName": "b"}]
    found = needs("events", "PutEvents", {"Entries": entries})
    assert sorted(found) == [("events:PutEvents", f"{arn}/{n}") for n in ("b", "c", "default")]


def s3(
    operation: str, query: dict[str, str] | None = None, **headers: str
) -> list[tuple[str, str]]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = s3_needs_of(operation, "docs", "a/b", query or {}, named)
    return [(need.action, need.resource) for need in found]


def test_every_operation_of_s3_that_is_served_should_need_something() -> None:
    named_in_the_body = {"DeleteObjects", "PostObject"}
    for operation in all_operations():
        assert bool(s3(operation)) is (operation not in named_in_the_body)


@pytest.mark.parametrize(
    ("operation", "query", "actions"),
    [
        ("HeadObject", {}, ["s3:GetObject"]),
        ("GetObject", {"versionId": "1"}, ["s3:GetObjectVersion"]),
        ("DeleteObject", {"versionId": "1"}, ["s3:DeleteObjectVersion"]),
        ("CompleteMultipartUpload", {}, ["s3:PutObject"]),
        ("GetObjectAttributes", {}, ["s3:GetObject", "s3:GetObjectAttributes"]),
    ],
)
def test_an_objects_operation_should_need_the_action_of_its_kind(
    operation: str, query: dict[str, str], actions: list[str]
) -> None:
    assert s3(operation, query) == [(action, "arn:aws:s3:::docs/a/b") for action in actions]


def test_a_copy_should_need_to_read_its_source_and_to_write_its_target() -> None:
    found = s3("CopyObject", x_amz_copy_source="/other/k%20y?versionId=3", x_amz_tagging="a=b")
    assert found == [
        ("s3:GetObjectVersion", "arn:aws:s3:::other/k y"),
        ("s3:PutObject", "arn:aws:s3:::docs/a/b"),
        ("s3:PutObjectTagging", "arn:aws:s3:::docs/a/b"),
    ]


def test_listings_should_be_of_the_bucket_and_tell_their_prefix() -> None:
    (need,) = s3_needs_of("ListObjectVersions", "docs", "", {"prefix": "inbox/"}, {})
    assert (need.action, need.resource) == ("s3:ListBucketVersions", "arn:aws:s3:::docs")
    assert need.context["s3:prefix"] == ("inbox/",)


def test_metrics_should_tell_their_namespace() -> None:
    (need,) = required_permissions("monitoring", "PutMetricData", {"Namespace": "/aws/x"}, PLACE)
    assert (need.action, need.resource) == ("cloudwatch:PutMetricData", "*")
    assert need.context == {"cloudwatch:namespace": ("/aws/x",)}


def test_a_guardrail_should_be_needed_wherever_it_is_named() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/guardrails-permissions-id.html"""
    arn = "arn:aws:bedrock:us-east-1:000000000000:guardrail/abc"
    guardrail = {"guardrailIdentifier": "abc", "guardrailVersion": "1"}
    model = {"modelId": "amazon.nova-micro-v1:0"}
    for service, operation, params in (
        ("bedrock-runtime", "ApplyGuardrail", guardrail),
        ("bedrock-runtime", "Converse", {**model, "guardrailConfig": guardrail}),
        ("bedrock-runtime", "InvokeModel", {**model, **guardrail}),
        ("bedrock", "GetGuardrail", guardrail),
    ):
        action = "GetGuardrail" if service == "bedrock" else "ApplyGuardrail"
        assert (f"bedrock:{action}", arn) in needs(service, operation, params)


def test_a_batch_job_should_need_its_model_jobs_and_its_role() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-permissions.html"""
    role = "arn:aws:iam::000000000000:role/batch"
    jobs = "arn:aws:bedrock:us-east-1:000000000000:model-invocation-job"
    action = "bedrock:CreateModelInvocationJob"
    asked = {"modelId": "amazon.nova-micro-v1:0", "roleArn": role}
    assert needs("bedrock", "CreateModelInvocationJob", asked) == [
        (action, "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0"),
        (action, f"{jobs}/*"),
        ("iam:PassRole", role),
    ]
    found = needs("bedrock", "GetModelInvocationJob", {"jobIdentifier": "abcdefghijkl"})
    assert found == [("bedrock:GetModelInvocationJob", f"{jobs}/abcdefghijkl")]


ENDPOINT = "arn:aws:sagemaker:us-east-1:000000000000:endpoint/mine"
CONFIG = "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/small"


@pytest.mark.parametrize(
    ("service", "operation", "params", "wanted"),
    [
        (
            "sagemaker-runtime",
            "InvokeEndpointAsync",
            {"EndpointName": "Mine"},
            [("sagemaker:InvokeEndpointAsync", ENDPOINT)],
        ),
        (
            "sagemaker",
            "UpdateEndpoint",
            {"EndpointName": "Mine", "EndpointConfigName": "small"},
            [("sagemaker:UpdateEndpoint", ENDPOINT), ("sagemaker:UpdateEndpoint", CONFIG)],
        ),
        (
            "sagemaker",
            "CreateModel",
            {"ModelName": "M", "ExecutionRoleArn": "arn:aws:iam::000000000000:role/serving"},
            [
                ("sagemaker:CreateModel", "arn:aws:sagemaker:us-east-1:000000000000:model/m"),
                ("iam:PassRole", "arn:aws:iam::000000000000:role/serving"),
            ],
        ),
        ("sagemaker", "ListEndpoints", {}, [("sagemaker:ListEndpoints", "*")]),
        (
            "application-autoscaling",
            "RegisterScalableTarget",
            {"ResourceId": "endpoint/mine/variant/main"},
            [("application-autoscaling:RegisterScalableTarget", "*")],
        ),
    ],
)
def test_hosting_should_need_its_actions_on_what_they_are_about(
    service: str, operation: str, params: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    assert needs(service, operation, params) == wanted


@pytest.mark.parametrize(
    ("operation", "params", "wanted"),
    [
        (
            "CreateSchedule",
            {"Name": "s", "Target": {"RoleArn": "arn:aws:iam::000000000000:role/send"}},
            [
                ("scheduler:CreateSchedule", "schedule/default/s"),
                ("iam:PassRole", "arn:aws:iam::000000000000:role/send"),
            ],
        ),
        (
            "GetSchedule",
            {"Name": "s", "GroupName": "g"},
            [("scheduler:GetSchedule", "schedule/g/s")],
        ),
        ("DeleteSchedule", {"Name": "s"}, [("scheduler:DeleteSchedule", "schedule/default/s")]),
        ("ListSchedules", {"GroupName": "g"}, [("scheduler:ListSchedules", "*")]),
        (
            "CreateScheduleGroup",
            {"Name": "g", "Tags": [{"Key": "k", "Value": "v"}]},
            [
                ("scheduler:CreateScheduleGroup", "schedule-group/g"),
                ("scheduler:TagResource", "schedule-group/g"),
            ],
        ),
        ("GetScheduleGroup", {"Name": "g"}, [("scheduler:GetScheduleGroup", "schedule-group/g")]),
        (
            "DeleteScheduleGroup",
            {"Name": "g"},
            [
                ("scheduler:DeleteScheduleGroup", "schedule-group/g"),
                ("scheduler:DeleteSchedule", "schedule/g/*"),
            ],
        ),
    ],
)
def test_scheduler_should_need_its_actions_on_schedules_and_groups(
    operation: str, params: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    """service-authorization/latest/reference/list_amazoneventbridgescheduler.html"""
    place = "arn:aws:scheduler:us-east-1:000000000000:"
    full = [
        (action, name if name == "*" or name.startswith("arn:") else f"{place}{name}")
        for action, name in wanted
    ]
    assert needs("scheduler", operation, params) == full


def test_a_transcription_should_need_to_be_started_with_its_output_and_to_pass_its_role() -> None:
    role = "arn:aws:iam::000000000000:role/ears"
    params = {
        "TranscriptionJobName": "one",
        "OutputBucketName": "files",
        "OutputKey": "a/b.json",
        "JobExecutionSettings": {"DataAccessRoleArn": role},
    }
    start, passing = required_permissions("transcribe", "StartTranscriptionJob", params, PLACE)
    assert (start.action, start.resource) == ("transcribe:StartTranscriptionJob", "*")
    assert start.context == {
        "transcribe:outputbucketname": ("files",),
        "transcribe:outputkey": ("a/b.json",),
    }
    assert (passing.action, passing.resource) == ("iam:PassRole", role)
    job = "arn:aws:transcribe:us-east-1:000000000000:transcription-job/one"
    named = {"TranscriptionJobName": "one"}
    assert needs("transcribe", "GetTranscriptionJob", named) == [
        ("transcribe:GetTranscriptionJob", job)
    ]
