"""A stage to remove, with calls of AWS that moto does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.deployment.account import Account
from infra.deployment.removal.inventory import take_inventory
from infra.deployment.removal.removal import StageRemoval
from tests.unit.infra.deployment.aws import (
    ACCOUNT,
    NO_SERVICE_RESOURCES,
    PRINCIPAL,
    REGION,
    Answer,
    Aws,
    Refusal,
    fixed,
    refuse,
)
from tests.unit.infra.deployment.cloudformation import STACK, CloudFormation
from tests.unit.infra.deployment.voices import Heard

BUCKET = f"headrace-dev-documents-{ACCOUNT}-{REGION}"
SOURCE = "99999999-2222-3333-4444-555555555555"
KEY = "11111111-2222-3333-4444-555555555555"
INGEST = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:headrace-dev-ingest"
PARTS = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:headrace-dev-parts"
RESOURCES = (
    ("DocumentsBucket", "AWS::S3::Bucket", BUCKET),
    ("StageKey", "AWS::KMS::Key", KEY),
    ("Source", "AWS::Lambda::EventSourceMapping", SOURCE),
    ("Rule", "AWS::Events::Rule", "headrace-dev|headrace-dev-webhooks"),
    ("Schedule", "AWS::Events::Rule", "headrace-dev-sweep"),
    ("IngestMachine", "AWS::StepFunctions::StateMachine", INGEST),
    ("PartsMachine", "AWS::StepFunctions::StateMachine", PARTS),
    ("RestAPI", "AWS::ApiGateway::RestApi", "abc123"),
)


@dataclass
class Stage:
    """A stage whose bucket gets `objects` while its stack is deleted, one list a deletion."""

    cloudformation: CloudFormation = field(
        default_factory=lambda: CloudFormation(status="CREATE_COMPLETE")
    )
    bucket: list[str] = field(default_factory=lambda: ["a"])
    bucket_stands: bool = True
    key_state: str = "Enabled"
    mapping_state: str = "Enabled"
    written_meanwhile: list[list[str]] = field(default_factory=list)
    voice: Heard = field(default_factory=Heard)
    waited: list[float] = field(default_factory=list)
    pause: Callable[[float], None] = lambda seconds: None

    def __post_init__(self) -> None:
        self.aws = Aws({**self.cloudformation.answers(), **self.answers()})

    def answers(self) -> dict[str, Answer]:
        return {
            **NO_SERVICE_RESOURCES,
            "cloudformation.DeleteStack": self.delete_stack,
            "cloudformation.ListStackResources": self.resources,
            "cloudformation.UpdateTerminationProtection": fixed(),
            "dynamodb.DescribeTable": refuse("ResourceNotFoundException"),
            "events.DisableRule": fixed(),
            "kms.DescribeKey": lambda asked: {
                "KeyMetadata": {"KeyId": asked["KeyId"], "KeyState": self.key_state}
            },
            "kms.ScheduleKeyDeletion": self.schedule,
            "lambda.GetEventSourceMapping": lambda asked: {"State": self.mapping_state},
            "lambda.UpdateEventSourceMapping": self.turn_off,
            "logs.DeleteLogGroup": fixed(),
            "logs.DescribeLogGroups": self.log_groups,
            "resourcegroupstaggingapi.GetResources": fixed(
                ResourceTagMappingList=[
                    {"ResourceARN": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{KEY}"}
                ]
            ),
            "s3.DeleteBucket": self.delete_bucket,
            "s3.DeleteObjects": self.delete_objects,
            "s3.HeadBucket": refuse("404", status=404),
            "s3.ListMultipartUploads": fixed(),
            "s3.ListObjectVersions": self.versions,
            "s3vectors.GetVectorBucket": refuse("NotFoundException", status=404),
            "stepfunctions.DescribeStateMachine": lambda asked: {
                "stateMachineArn": asked["stateMachineArn"],
                "name": "m",
                "definition": "{}",
                "roleArn": "r",
                "type": "EXPRESS" if asked["stateMachineArn"] == PARTS else "STANDARD",
                "creationDate": "2026-01-01",
            },
            "stepfunctions.ListExecutions": fixed(
                executions=[
                    {
                        "executionArn": f"{INGEST}:{n}",
                        "stateMachineArn": INGEST,
                        "name": str(n),
                        "status": "RUNNING",
                        "startDate": "2026-01-01",
                    }
                    for n in range(2)
                ]
            ),
            "stepfunctions.StopExecution": fixed(stopDate="2026-01-01"),
        }

    def turn_off(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.mapping_state = "Disabled"
        return {"State": self.mapping_state}

    def resources(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": logical,
                    "ResourceType": kind,
                    "PhysicalResourceId": physical,
                    "LastUpdatedTimestamp": "2026-01-01",
                    "ResourceStatus": "CREATE_COMPLETE",
                }
                for logical, kind, physical in RESOURCES
            ]
        }

    def delete_stack(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        if self.written_meanwhile:
            self.bucket += self.written_meanwhile.pop(0)
        return self.cloudformation.delete_stack(asked)

    def versions(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        if not self.bucket_stands or asked["Bucket"] != BUCKET:
            raise Refusal("NoSuchBucket", status=404)
        return {
            "Versions": [
                {"Key": key, "VersionId": "1", "IsLatest": True, "Size": 1} for key in self.bucket
            ]
        }

    def delete_objects(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        gone = {each["Key"] for each in asked["Delete"]["Objects"]}
        self.bucket = [key for key in self.bucket if key not in gone]
        return {}

    def delete_bucket(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        assert self.bucket == []
        self.bucket_stands = False
        return {}

    def schedule(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self.key_state = "PendingDeletion"
        return {}

    def log_groups(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        prefix = asked["logGroupNamePrefix"]
        made = "API-Gateway-Execution-Logs_abc123/dev"
        return {"logGroups": [{"logGroupName": made}] if made.startswith(prefix) else []}

    def destroy(self) -> list[str]:
        account = Account(ACCOUNT, REGION, "aws", PRINCIPAL, self.aws.client, "ops")
        inventory = take_inventory(account, "dev")
        return StageRemoval(account, self.voice, self.sleep).run(inventory)

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        assert len(self.waited) < 100, "there is nothing more to come"
        self.pause(seconds)

    def deleted_meanwhile(self, asked: dict[str, Any]) -> Mapping[str, Any]:
        self.cloudformation.status = None
        return {}

    def asked(self, name: str) -> list[dict[str, Any]]:
        return [params for asked, params in self.aws.asked if asked == name]


GONE = [[("DocumentsBucket", "DELETE_SKIPPED", "")], [(STACK, "DELETE_COMPLETE", "")]]
