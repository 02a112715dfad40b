"""IAM permissions that whoever deploys needs.

They cover the calls made here, and those that CloudFormation makes with the caller's credentials.
`python -m infra.deployment.permissions` writes them as `infra/deployer-policy.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

FILE = Path(__file__).parent.parent / "deployer-policy.json"


@dataclass(frozen=True, slots=True)
class DeployerStatement:
    """Actions allowed on resources.

    `for_types` are the resource types that CloudFormation needs them for; if empty, the commands
    themselves do.
    """

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    for_types: Sequence[str] = ()
    condition: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the statement as IAM reads it."""
        condition = {"Condition": self.condition} if self.condition else {}
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": sorted(self.actions),
            "Resource": list(self.resources),
            **condition,
        }


BY_CLOUDFORMATION: Mapping[str, Mapping[str, Any]] = {
    "ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}
}
"""Holds of the calls that CloudFormation makes for whoever deploys, and not of their own.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-calledvia
"""
_OF_A_STAGE: Mapping[str, Mapping[str, Any]] = {
    "StringLike": {"aws:ResourceTag/headrace:stage": "*"}
}

STATEMENTS: tuple[DeployerStatement, ...] = (
    DeployerStatement(
        "Stacks",
        (
            "cloudformation:CancelUpdateStack",
            "cloudformation:ContinueUpdateRollback",
            "cloudformation:CreateChangeSet",
            "cloudformation:DeleteChangeSet",
            "cloudformation:DeleteStack",
            "cloudformation:DescribeChangeSet",
            "cloudformation:DescribeEvents",
            "cloudformation:DescribeStackEvents",
            "cloudformation:DescribeStacks",
            "cloudformation:ExecuteChangeSet",
            "cloudformation:ListStackResources",
            "cloudformation:TagResource",
            "cloudformation:UpdateTerminationProtection",
        ),
        (
            "arn:aws:cloudformation:*:*:changeSet/headrace-*",
            "arn:aws:cloudformation:*:*:stack/headrace-*",
        ),
    ),
    DeployerStatement(
        "Buckets",
        ("s3:*",),
        ("arn:aws:s3:::headrace-*", "arn:aws:s3:::headrace-*/*"),
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
    ),
    DeployerStatement(
        "VectorBuckets",
        ("s3vectors:*",),
        ("arn:aws:s3vectors:*:*:bucket/headrace-*",),
        ("AWS::S3Vectors::VectorBucket",),
    ),
    DeployerStatement(
        "Tables",
        ("dynamodb:*",),
        ("arn:aws:dynamodb:*:*:table/headrace-*",),
        ("AWS::DynamoDB::Table",),
    ),
    DeployerStatement(
        "Functions",
        ("lambda:*",),
        ("arn:aws:lambda:*:*:function:headrace-*",),
        (
            "AWS::Lambda::Alias",
            "AWS::Lambda::Function",
            "AWS::Lambda::Permission",
            "AWS::Lambda::Version",
        ),
    ),
    DeployerStatement(
        "EventSources",
        (
            "lambda:CreateEventSourceMapping",
            "lambda:DeleteEventSourceMapping",
            "lambda:ListEventSourceMappings",
            "lambda:ListTags",
            "lambda:TagResource",
            "lambda:UntagResource",
        ),
        ("*",),
        ("AWS::Lambda::EventSourceMapping",),
        BY_CLOUDFORMATION,
    ),
    DeployerStatement(
        "EventSourcesOff",
        ("lambda:UpdateEventSourceMapping",),
        ("arn:aws:lambda:*:*:event-source-mapping:*",),
        ("AWS::Lambda::EventSourceMapping",),
        {"StringLike": {"lambda:FunctionArn": "arn:aws:lambda:*:*:function:headrace-*"}},
    ),
    DeployerStatement(
        "Roles",
        (
            "iam:AttachRolePolicy",
            "iam:CreateRole",
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:DetachRolePolicy",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
            "iam:UpdateRole",
            "iam:UpdateRoleDescription",
        ),
        ("arn:aws:iam::*:role/headrace-*",),
        ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"),
    ),
    DeployerStatement(
        "HandRolesOver",
        ("iam:PassRole",),
        ("arn:aws:iam::*:role/headrace-*",),
        (),
        {
            "StringEquals": {
                "iam:PassedToService": [
                    "apigateway.amazonaws.com",
                    "events.amazonaws.com",
                    "lambda.amazonaws.com",
                    "scheduler.amazonaws.com",
                    "states.amazonaws.com",
                ]
            }
        },
    ),
    DeployerStatement(
        "ApiTracing",
        ("iam:CreateServiceLinkedRole",),
        ("arn:aws:iam::*:role/aws-service-role/ops.apigateway.amazonaws.com/*",),
        ("AWS::ApiGateway::Stage",),
        {"StringEquals": {"iam:AWSServiceName": "ops.apigateway.amazonaws.com"}},
    ),
    DeployerStatement(
        "StateMachines",
        ("states:*",),
        (
            "arn:aws:states:*:*:stateMachine:headrace-*",
            "arn:aws:states:*:*:execution:headrace-*:*",
        ),
        ("AWS::StepFunctions::StateMachine",),
    ),
    DeployerStatement(
        "EventsAndSchedules",
        ("events:*", "scheduler:*"),
        # Buses, rules and groups of schedules; a schedule's ARN begins with its group's name.
        ("arn:aws:events:*:*:*/headrace-*", "arn:aws:scheduler:*:*:*/headrace-*"),
        ("AWS::Events::EventBus", "AWS::Events::Rule", "AWS::Scheduler::ScheduleGroup"),
    ),
    DeployerStatement(
        "Queues",
        ("sqs:*",),
        ("arn:aws:sqs:*:*:headrace-*",),
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
    ),
    DeployerStatement(
        "Topics",
        ("sns:*",),
        ("arn:aws:sns:*:*:headrace-*",),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"),
    ),
    DeployerStatement(
        "Logs",
        ("logs:*",),
        (
            "arn:aws:logs:*:*:log-group:/headrace/*",
            "arn:aws:logs:*:*:log-group:/aws/lambda/headrace-*",
            "arn:aws:logs:*:*:log-group:/aws/vendedlogs/*headrace*",
            "arn:aws:logs:*:*:log-group:API-Gateway-Execution-Logs_*",
        ),
        ("AWS::Logs::LogGroup", "AWS::Logs::MetricFilter"),
    ),
    DeployerStatement(
        "LogDeliveries",
        (
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DescribeResourcePolicies",
            "logs:GetLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
        ),
        ("*",),
        ("AWS::ApiGateway::Stage", "AWS::StepFunctions::StateMachine"),
        BY_CLOUDFORMATION,
    ),
    DeployerStatement(
        "Api",
        (
            "apigateway:DELETE",
            "apigateway:PATCH",
            "apigateway:POST",
            "apigateway:PUT",
        ),
        (
            "arn:aws:apigateway:*::/account",
            "arn:aws:apigateway:*::/restapis",
            "arn:aws:apigateway:*::/restapis/*",
            "arn:aws:apigateway:*::/tags/*",
        ),
        (
            "AWS::ApiGateway::Account",
            "AWS::ApiGateway::Deployment",
            "AWS::ApiGateway::RestApi",
            "AWS::ApiGateway::Stage",
        ),
        BY_CLOUDFORMATION,
    ),
    DeployerStatement("ApiLogsRole", ("apigateway:PATCH",), ("arn:aws:apigateway:*::/account",)),
    DeployerStatement(
        "ApiLooks",
        ("apigateway:GET",),
        (
            "arn:aws:apigateway:*::/account",
            "arn:aws:apigateway:*::/restapis",
            "arn:aws:apigateway:*::/restapis/*",
            "arn:aws:apigateway:*::/tags/*",
        ),
    ),
    DeployerStatement(
        "Watching",
        ("cloudwatch:*",),
        (
            "arn:aws:cloudwatch:*:*:alarm:headrace-*",
            "arn:aws:cloudwatch::*:dashboard/headrace-*",
        ),
        (
            "AWS::CloudWatch::Alarm",
            "AWS::CloudWatch::CompositeAlarm",
            "AWS::CloudWatch::Dashboard",
        ),
    ),
    DeployerStatement(
        "Budgets",
        (
            "budgets:ListTagsForResource",
            "budgets:ModifyBudget",
            "budgets:TagResource",
            "budgets:UntagResource",
            "budgets:ViewBudget",
        ),
        ("arn:aws:budgets::*:budget/headrace-*",),
        ("AWS::Budgets::Budget",),
    ),
    DeployerStatement(
        "Keys",
        ("kms:*",),
        ("*",),
        ("AWS::KMS::Alias", "AWS::KMS::Key"),
        {**_OF_A_STAGE, **BY_CLOUDFORMATION},
    ),
    DeployerStatement(
        "NewKeys",
        ("kms:CreateKey", "kms:ListAliases", "kms:TagResource"),
        ("*",),
        ("AWS::KMS::Alias", "AWS::KMS::Key"),
        BY_CLOUDFORMATION,
    ),
    DeployerStatement(
        "KeysOfStages",
        ("kms:CancelKeyDeletion", "kms:DescribeKey", "kms:ScheduleKeyDeletion"),
        ("arn:aws:kms:*:*:key/*",),
        condition=_OF_A_STAGE,
    ),
    DeployerStatement(
        "DataOfStages",
        ("kms:Decrypt", "kms:GenerateDataKey"),
        ("arn:aws:kms:*:*:key/*",),
        condition={
            "StringLike": {
                **_OF_A_STAGE["StringLike"],
                "kms:ViaService": [
                    f"{service}.*.amazonaws.com" for service in ("dynamodb", "s3", "s3vectors")
                ],
            }
        },
    ),
    DeployerStatement(
        "KeyNames",
        ("kms:CreateAlias", "kms:DeleteAlias", "kms:UpdateAlias"),
        ("arn:aws:kms:*:*:alias/headrace-*",),
        ("AWS::KMS::Alias",),
        BY_CLOUDFORMATION,
    ),
    DeployerStatement(
        "LookBefore",
        (
            "account:GetRegionOptStatus",
            "bedrock:GetFoundationModel",
            "bedrock:GetFoundationModelAvailability",
            "bedrock:GetInferenceProfile",
            "bedrock:ListFoundationModels",
            "bedrock:ListInferenceProfiles",
            "iam:GetRole",
            "iam:SimulatePrincipalPolicy",
            "lambda:GetAccountSettings",
            "lambda:GetEventSourceMapping",
            "logs:DescribeLogGroups",
            "s3vectors:ListVectorBuckets",
            "tag:GetResources",
        ),
        ("*",),
    ),
)


def policy_document(statements: Sequence[DeployerStatement] = STATEMENTS) -> dict[str, Any]:
    """Return the policy as IAM reads it.

    Statements on the same resources under the same condition become one: IAM counts characters.
    """
    alike: dict[str, list[DeployerStatement]] = {}
    for each in statements:
        alike.setdefault(json.dumps([*each.resources, each.condition]), []).append(each)
    return {
        "Version": "2012-10-17",
        "Statement": [_merge(each).document() for each in alike.values()],
    }


def _merge(alike: Sequence[DeployerStatement]) -> DeployerStatement:
    return DeployerStatement(
        "And".join(each.sid for each in alike),
        [action for each in alike for action in each.actions],
        alike[0].resources,
        condition=alike[0].condition,
    )


def allowed(action: str, statements: Sequence[DeployerStatement] = STATEMENTS) -> bool:
    """Return whether some statement grants `action`, on whatever resource."""
    return any(fnmatchcase(action, grant) for each in statements for grant in each.actions)


if __name__ == "__main__":
    FILE.write_text(json.dumps(policy_document(), indent=2) + "\n", encoding="utf-8")
