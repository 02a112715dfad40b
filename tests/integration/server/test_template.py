"""Templates applied to every service of the local cloud: made, changed in place, kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloudformation.errors import TemplateError
from localcloud.clients import Clients
from localcloud.composition import run_cloud
from localcloud.template.stack import Json

Applied = tuple[Clients, Mapping[str, Any]]
Apply = Callable[..., Any]
STATES = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "${Word}", "End": True}}}


def template(**resources: Any) -> dict[str, Any]:
    return {
        "Resources": resources,
        "Outputs": {name: {"Value": {"Ref": name}} for name in resources},
    }


def resource(kind: str, **properties: Any) -> Json:
    return {"Type": f"AWS::{kind}", "Properties": properties}


@pytest.fixture
def apply(tmp_path: Path) -> Apply:
    """Start a local cloud on the test's folder and on a new port, with a template."""

    @contextmanager
    def start(**resources: Any) -> Iterator[Applied]:
        project = tmp_path / "project"
        project.mkdir(exist_ok=True)
        made = template(**resources)
        with run_cloud(tmp_path / "data", made, {}, project, 0) as (cloud, outputs):
            yield cloud.client, outputs

    return start


def test_a_queue_should_change_in_place_and_keep_its_messages(apply: Apply) -> None:
    names = {"QueueName": "q"}
    with apply(Q=resource("SQS::Queue", **names, VisibilityTimeout=60)) as (client, outputs):
        client("sqs").send_message(QueueUrl=outputs["Q"], MessageBody="kept")
        first = outputs["Q"]
    with apply(Q=resource("SQS::Queue", **names, DelaySeconds="5")) as (client, outputs):
        attributes = client("sqs").get_queue_attributes(
            QueueUrl=outputs["Q"], AttributeNames=["All"]
        )["Attributes"]
        assert (attributes["VisibilityTimeout"], attributes["DelaySeconds"]) == ("30", "5")
        assert attributes["ApproximateNumberOfMessages"] == "1"
        assert outputs["Q"] != first
        assert outputs["Q"].startswith(client("sqs").meta.endpoint_url)


def test_a_group_of_schedules_should_stay_with_its_schedules(apply: Apply) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-scheduler-schedulegroup.html"""
    queue = resource("SQS::Queue", QueueName="q")
    group = resource("Scheduler::ScheduleGroup", Name="g")
    who = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [{**who, "Action": "sts:AssumeRole"}]}
    role = resource("IAM::Role", RoleName="r", AssumeRolePolicyDocument=trust)
    with apply(Q=queue, G=group, R=role) as (client, outputs):
        assert outputs["G"] == "g"
        client("scheduler").create_schedule(
            Name="s",
            GroupName="g",
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": "arn:aws:sqs:us-east-1:000000000000:q",
                "RoleArn": "arn:aws:iam::000000000000:role/r",
            },
        )
    with apply(Q=queue, G=group, R=role) as (client, _):
        listed = client("scheduler").list_schedules(GroupName="g")["Schedules"]
        assert [each["Name"] for each in listed] == ["s"]


def test_a_rule_should_change_its_pattern_and_lose_old_targets(apply: Apply) -> None:
    def rule(source: str, *targets: str) -> Json:
        listed = [{"Id": each, "Arn": {"Fn::GetAtt": "Q.Arn"}} for each in targets]
        pattern = {"source": [source]}
        return resource("Events::Rule", Name="r", EventPattern=pattern, Targets=listed)

    queue = resource("SQS::Queue", QueueName="q")
    with apply(Q=queue, R=rule("one", "a", "b")):
        pass
    with apply(Q=queue, R=rule("two", "b", "c")) as (client, _):
        events = client("events")
        assert json.loads(events.describe_rule(Name="r")["EventPattern"]) == {"source": ["two"]}
        targets = events.list_targets_by_rule(Rule="r")["Targets"]
        assert sorted(target["Id"] for target in targets) == ["b", "c"]


def test_a_state_machine_should_get_its_new_definition_under_the_same_arn(apply: Apply) -> None:
    def machine(word: str, **more: Any) -> Json:
        role = "arn:aws:iam::000000000000:role/r"
        given = {"Definition": STATES, "DefinitionSubstitutions": {"Word": word}, **more}
        return resource("StepFunctions::StateMachine", RoleArn=role, **given)

    with apply(M=machine("one")) as (_, outputs):
        first = outputs["M"]
    with apply(M=machine('"two"')) as (client, outputs):
        assert outputs["M"] == first
        described = client("stepfunctions").describe_state_machine(stateMachineArn=first)
        assert json.loads(described["definition"])["States"]["A"]["Result"] == '"two"'
    express = machine("x", StateMachineType="EXPRESS")
    with pytest.raises(TemplateError, match="cannot become EXPRESS"), apply(M=express):
        pass


def test_a_bucket_should_lose_the_settings_that_left_the_template(apply: Apply) -> None:
    full = {
        "VersioningConfiguration": {"Status": "Enabled"},
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        "LifecycleConfiguration": {
            "Rules": [{"Id": "i", "Status": "Enabled", "Prefix": "p/", "ExpirationInDays": 3}]
        },
        "CorsConfiguration": {
            "CorsRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 5}]
        },
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
    }
    with apply(B=resource("S3::Bucket", BucketName="bucket-one", **full)) as (client, _):
        s3 = client("s3")
        (rule,) = s3.get_bucket_lifecycle_configuration(Bucket="bucket-one")["Rules"]
        assert (rule["ID"], rule["Expiration"]) == ("i", {"Days": 3})
        assert s3.get_bucket_cors(Bucket="bucket-one")["CORSRules"][0]["MaxAgeSeconds"] == 5
        s3.put_object(Bucket="bucket-one", Key="k", Body=b"kept")
    with apply(B=resource("S3::Bucket", BucketName="bucket-one")) as (client, _):
        s3 = client("s3")
        assert s3.get_object(Bucket="bucket-one", Key="k")["Body"].read() == b"kept"
        assert s3.get_bucket_versioning(Bucket="bucket-one")["Status"] == "Suspended"
        for ask in (s3.get_bucket_lifecycle_configuration, s3.get_bucket_cors):
            with pytest.raises(ClientError, match="NoSuch"):
                ask(Bucket="bucket-one")
        notified = s3.get_bucket_notification_configuration(Bucket="bucket-one")
        assert "EventBridgeConfiguration" not in notified


def table(**more: Any) -> Json:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}]
    names = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "other")]
    return resource(
        "DynamoDB::Table",
        **{
            "TableName": "tab",
            "KeySchema": keys,
            "AttributeDefinitions": names,
            "BillingMode": "PAY_PER_REQUEST",
            **more,
        },
    )


def index(name: str) -> dict[str, Any]:
    keys = [{"AttributeName": "other", "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}


def test_a_table_should_change_in_place_and_keep_its_items(apply: Apply) -> None:
    before = table(
        GlobalSecondaryIndexes=[index("one"), index("two")],
        TimeToLiveSpecification={"AttributeName": "until", "Enabled": True},
    )
    after = table(
        GlobalSecondaryIndexes=[index("two"), index("three")],
        TimeToLiveSpecification={"AttributeName": "expires", "Enabled": True},
    )
    with apply(T=before) as (client, _):
        client("dynamodb").put_item(TableName="tab", Item={"pk": {"S": "kept"}})
    with apply(T=after) as (client, _):
        dynamodb = client("dynamodb")
        described = dynamodb.describe_table(TableName="tab")["Table"]
        assert {i["IndexName"] for i in described["GlobalSecondaryIndexes"]} == {"two", "three"}
        until = dynamodb.describe_time_to_live(TableName="tab")["TimeToLiveDescription"]
        assert until["AttributeName"] == "expires"
        assert dynamodb.scan(TableName="tab")["Count"] == 1
    other = table(
        KeySchema=[{"AttributeName": "other", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "other", "AttributeType": "S"}],
    )
    with pytest.raises(TemplateError, match="exists with other keys"), apply(T=other):
        pass


def test_a_lost_memory_should_find_everything_under_its_old_name(
    apply: Apply, tmp_path: Path
) -> None:
    target = {"Arn": {"Fn::GetAtt": "Q.Arn"}, "RoleArn": {"Fn::GetAtt": "Role.Arn"}}
    who = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}}
    trust = {"Version": "2012-10-17", "Statement": [{**who, "Action": "sts:AssumeRole"}]}
    resources = {
        "Q": resource("SQS::Queue"),
        "Bucket": resource("S3::Bucket"),
        "T": table(GlobalSecondaryIndexes=[index("other")]),
        "Bus": resource("Events::EventBus", Name="bus"),
        "Topic": resource("SNS::Topic", DisplayName="News"),
        "Logs": resource("Logs::LogGroup", RetentionInDays=7),
        "Vectors": resource("S3Vectors::VectorBucket"),
        "Role": resource("IAM::Role", AssumeRolePolicyDocument=trust),
        "Schedule": resource(
            "Scheduler::Schedule",
            ScheduleExpression="rate(30 days)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        ),
    }
    with apply(**resources) as (_, outputs):
        first = dict(outputs)
    (tmp_path / "data" / "template" / "headrace.json").unlink()
    with apply(**resources) as (client, outputs):
        assert {k: v for k, v in outputs.items() if k != "Q"} == {
            k: v for k, v in first.items() if k != "Q"
        }
        assert len(client("sqs").list_queues()["QueueUrls"]) == 1
        assert len(client("s3").list_buckets()["Buckets"]) == 1
        assert len(client("scheduler").list_schedules()["Schedules"]) == 1


@pytest.mark.parametrize(
    ("kind", "properties", "words"),
    [
        ("SQS::Queue", {"VisibilityTimeout": 99_999}, "Made.*cannot be made.*VisibilityTimeout"),
        ("Events::Rule", {"EventPattern": {"source": "text"}}, "Made.*cannot be made"),
        ("S3::Bucket", {"NotificationConfiguration": {"QueueConfigurations": []}}, "EventBridge"),
        (
            "S3::Bucket",
            {"LifecycleConfiguration": {"Rules": [{"Status": "Enabled", "Transitions": []}]}},
            "does not know: Transitions",
        ),
        ("S3::Bucket", {"CorsConfiguration": {"CorsRules": [{"Age": 1}]}}, "does not know: Age"),
        ("StepFunctions::StateMachine", {"RoleArn": "r"}, "Definition or DefinitionString"),
        (
            "StepFunctions::StateMachine",
            {"RoleArn": "r", "Definition": STATES},
            "Word} has no DefinitionSubstitution",
        ),
    ],
)
def test_what_a_service_refuses_should_name_the_resource(
    apply: Apply, kind: str, properties: dict[str, Any], words: str
) -> None:
    with pytest.raises(TemplateError, match=words), apply(Made=resource(kind, **properties)):
        pass


def _statement(action: str) -> Json:
    return {"Effect": "Allow", "Action": action, "Resource": "*"}


def _policy(action: str, **more: str) -> Json:
    statement = _statement(action) | ({"Principal": {"Service": more["service"]}} if more else {})
    if action == "sts:AssumeRole":
        del statement["Resource"]
    return {"Version": "2012-10-17", "Statement": [statement]}


def test_a_start_should_undo_what_was_done_to_the_templates_permissions(apply: Apply) -> None:
    """A restart repairs a cloud whose policies were deleted, widened or added to."""
    name = "reader"
    trust = _policy("sts:AssumeRole", service="lambda.amazonaws.com")
    own = {"PolicyName": "own", "PolicyDocument": _policy("s3:GetObject")}
    resources = {
        "R": resource("IAM::Role", RoleName=name, AssumeRolePolicyDocument=trust, Policies=[own]),
        "P": resource(
            "IAM::RolePolicy",
            RoleName={"Ref": "R"},
            PolicyName="apart",
            PolicyDocument=_policy("sqs:SendMessage"),
        ),
        "B": resource("S3::Bucket", BucketName="b-policy"),
        "BP": resource(
            "S3::BucketPolicy",
            Bucket={"Ref": "B"},
            PolicyDocument=_policy("s3:GetObject", service="s3.amazonaws.com"),
        ),
    }

    def state(client: Any) -> Any:
        iam = client("iam")
        names = iam.list_role_policies(RoleName=name)["PolicyNames"]
        return (
            iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"],
            {
                each: iam.get_role_policy(RoleName=name, PolicyName=each)["PolicyDocument"]
                for each in names
            },
            json.loads(client("s3").get_bucket_policy(Bucket="b-policy")["Policy"]),
        )

    with apply(**resources) as (client, _):
        as_templated = state(client)
        assert set(as_templated[1]) == {"own", "apart"}
        iam, every = client("iam"), json.dumps(_policy("*"))
        iam.delete_role_policy(RoleName=name, PolicyName="apart")
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=every)
        iam.put_role_policy(RoleName=name, PolicyName="added", PolicyDocument=every)
        open_trust = json.dumps(_policy("sts:AssumeRole", service="s3.amazonaws.com"))
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=open_trust)
        client("s3").delete_bucket_policy(Bucket="b-policy")
    with apply(**resources) as (client, _):
        assert state(client) == as_templated
        iam = client("iam")
        for policy in ("own", "apart"):
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        iam.delete_role(RoleName=name)
    with apply(**resources) as (client, _):
        assert state(client) == as_templated
