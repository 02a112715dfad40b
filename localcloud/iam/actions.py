"""The permissions that each operation requires. Pure.

`ACTION_RULES` has the operations that require other actions than the one of their own name. S3 and
Bedrock have tables of their own; resources of DynamoDB are derived in `dynamodb_actions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from localcloud.iam import dynamodb_actions as dynamodb
from localcloud.iam.action_rule import ActionRule
from localcloud.iam.bedrock_actions import BEDROCK_RULES
from localcloud.iam.resources import (
    AccountResources,
    Params,
    RequiredPermission,
    resource_of,
)

_DOCS = "https://docs.aws.amazon.com"
_SQS = f"{_DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html"
_VECTORS = f"{_DOCS}/AmazonS3/latest/API/API_S3VectorBuckets_"
_SAGEMAKER = f"{_DOCS}/service-authorization/latest/reference/list_amazonsagemaker.html"
_SCHEDULER = f"{_DOCS}/service-authorization/latest/reference/list_amazoneventbridgescheduler.html"
_TRANSACTIONS = f"{_DOCS}/amazondynamodb/latest/developerguide/transaction-apis-iam.html"

PREFIXES: Mapping[str, str] = {
    "bedrock-runtime": "bedrock",
    "sagemaker-runtime": "sagemaker",
    "monitoring": "cloudwatch",
    "stepfunctions": "states",
}
"""Prefix of a service's actions by botocore's name of the service, where the two differ."""


def _renamed(
    service: str, action: str
) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        return [RequiredPermission(action, resource_of(service, params, account))]

    return permissions


def _with_get_vectors(
    action: str, *options: str
) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    """Return a rule that also requires GetVectors if one of `options` is set."""

    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        index = resource_of("s3vectors", params, account)
        actions = [action, *(["s3vectors:GetVectors"] if any(map(params.get, options)) else [])]
        return [RequiredPermission(each, index) for each in actions]

    return permissions


def _create_model(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    """Yield the permissions of CreateModel: on the model, and to pass its role."""
    yield RequiredPermission("sagemaker:CreateModel", resource_of("sagemaker", params, account))
    yield RequiredPermission(
        "iam:PassRole",
        str(params.get("ExecutionRoleArn", "")),
        {"iam:passedtoservice": ("sagemaker.amazonaws.com",)},
    )


def _create_job(action: str) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    """Return a rule for creating a SageMaker job: on the job, and to pass its role.

    The role of a tuning job is that of the training jobs that it creates.
    """

    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        yield RequiredPermission(action, resource_of("sagemaker", params, account))
        role = params.get("RoleArn") or params.get("TrainingJobDefinition", {}).get("RoleArn", "")
        yield RequiredPermission(
            "iam:PassRole", str(role), {"iam:passedtoservice": ("sagemaker.amazonaws.com",)}
        )

    return permissions


def _put_schedule(
    action: str,
) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    """Return a rule for writing a schedule: on the schedule, and to pass its target's role."""

    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        yield RequiredPermission(action, resource_of("scheduler", params, account))
        role = str(params.get("Target", {}).get("RoleArn", ""))
        passed = {"iam:passedtoservice": ("scheduler.amazonaws.com",)}
        yield RequiredPermission("iam:PassRole", role, passed)

    return permissions


def _on_schedule_group(
    operation: str,
) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    """Return a rule for a group of schedules: on the group, and on what is done with it."""

    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        group = account.arn("scheduler", f"schedule-group/{params.get('Name')}")
        yield RequiredPermission(f"scheduler:{operation}", group)
        if operation == "CreateScheduleGroup" and params.get("Tags"):
            yield RequiredPermission("scheduler:TagResource", group)
        if operation == "DeleteScheduleGroup":
            schedules = account.arn("scheduler", f"schedule/{params.get('Name')}/*")
            yield RequiredPermission("scheduler:DeleteSchedule", schedules)

    return permissions


def _on_endpoint_and_config(
    action: str,
) -> Callable[[Params, AccountResources], Iterable[RequiredPermission]]:
    """Return a rule that requires `action` on an endpoint and on its configuration."""

    def permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
        for name in ("EndpointName", "EndpointConfigName"):
            yield RequiredPermission(
                action, resource_of("sagemaker", {name: params.get(name)}, account)
            )

    return permissions


def _start_transcription(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    """Yield the permissions of a job: to start one that writes there, and to pass its role."""
    places = {
        "transcribe:outputbucketname": "OutputBucketName",
        "transcribe:outputkey": "OutputKey",
    }
    context = {key: (str(params[name]),) for key, name in places.items() if params.get(name)}
    yield RequiredPermission("transcribe:StartTranscriptionJob", "*", context)
    role = params.get("JobExecutionSettings", {}).get("DataAccessRoleArn")
    if role:
        passed = {"iam:passedtoservice": ("transcribe.amazonaws.com",)}
        yield RequiredPermission("iam:PassRole", str(role), passed)


def _put_metrics(params: Params, _: AccountResources) -> Iterable[RequiredPermission]:
    namespace = {"cloudwatch:namespace": (str(params.get("Namespace", "")),)}
    yield RequiredPermission("cloudwatch:PutMetricData", "*", namespace)


def _describe_alarms(_: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    yield RequiredPermission("cloudwatch:DescribeAlarms", account.arn("cloudwatch", "alarm:*"))


def _put_events(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    buses = {str(entry.get("EventBusName") or "default") for entry in params.get("Entries", ())}
    for bus in sorted(buses):
        arn = bus if bus.startswith("arn:") else account.arn("events", f"event-bus/{bus}")
        yield RequiredPermission("events:PutEvents", arn)


def _item_rule(operation: str) -> ActionRule:
    return ActionRule(
        lambda params, account: [
            dynamodb.item_permission(f"dynamodb:{operation}", params, account)
        ],
        "the item's partition key is in the request context",
        f"{_DOCS}/amazondynamodb/latest/developerguide/specifying-conditions.html",
    )


ACTION_RULES: Mapping[tuple[str, str], ActionRule] = {
    **{
        ("sqs", f"{operation}Batch"): ActionRule(
            _renamed("sqs", f"sqs:{operation}"), "a batch requires what one message does", _SQS
        )
        for operation in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
    },
    ("lambda", "Invoke"): ActionRule(
        _renamed("lambda", "lambda:InvokeFunction"),
        "always",
        f"{_DOCS}/lambda/latest/api/API_Invoke.html",
    ),
    ("lambda", "InvokeWithResponseStream"): ActionRule(
        _renamed("lambda", "lambda:InvokeFunction"),
        "always",
        f"{_DOCS}/lambda/latest/api/API_InvokeWithResponseStream.html",
    ),
    **BEDROCK_RULES,
    ("sagemaker", "CreateModel"): ActionRule(
        _create_model, "with iam:PassRole on the model's role", _SAGEMAKER
    ),
    **{
        ("sagemaker", operation): ActionRule(
            _create_job(f"sagemaker:{operation}"),
            "with iam:PassRole on the job's role",
            _SAGEMAKER,
        )
        for operation in (
            "CreateHyperParameterTuningJob",
            "CreateProcessingJob",
            "CreateTrainingJob",
        )
    },
    **{
        ("scheduler", operation): ActionRule(
            _put_schedule(f"scheduler:{operation}"),
            "with iam:PassRole on the role of the schedule's target",
            _SCHEDULER,
        )
        for operation in ("CreateSchedule", "UpdateSchedule")
    },
    **{
        ("scheduler", operation): ActionRule(_on_schedule_group(operation), when, _SCHEDULER)
        for operation, when in (
            ("CreateScheduleGroup", "with tags also scheduler:TagResource"),
            ("GetScheduleGroup", "on the group"),
            ("DeleteScheduleGroup", "with scheduler:DeleteSchedule on the group's schedules"),
        )
    },
    **{
        ("sagemaker", operation): ActionRule(
            _on_endpoint_and_config(f"sagemaker:{operation}"),
            "on the endpoint and on its configuration",
            _SAGEMAKER,
        )
        for operation in ("CreateEndpoint", "UpdateEndpoint")
    },
    ("s3vectors", "QueryVectors"): ActionRule(
        _with_get_vectors("s3vectors:QueryVectors", "filter", "returnMetadata"),
        "with a filter or with returnMetadata also s3vectors:GetVectors",
        f"{_VECTORS}QueryVectors.html",
    ),
    ("s3vectors", "ListVectors"): ActionRule(
        _with_get_vectors("s3vectors:ListVectors", "returnData", "returnMetadata"),
        "with returnData or returnMetadata also s3vectors:GetVectors",
        f"{_VECTORS}ListVectors.html",
    ),
    ("events", "PutEvents"): ActionRule(
        _put_events,
        "on every bus that an entry names",
        f"{_DOCS}/eventbridge/latest/userguide/eb-manage-iam-access.html",
    ),
    ("monitoring", "DescribeAlarms"): ActionRule(
        _describe_alarms,
        "on all alarms, whichever are named",
        f"{_DOCS}/AmazonCloudWatch/latest/monitoring/permissions-reference-cw.html",
    ),
    ("monitoring", "PutMetricData"): ActionRule(
        _put_metrics,
        "the namespace is in the request context",
        f"{_DOCS}/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html",
    ),
    ("transcribe", "StartTranscriptionJob"): ActionRule(
        _start_transcription,
        "on all resources, with the output's place in the request context; with iam:PassRole on a"
        " role of its own",
        f"{_DOCS}/service-authorization/latest/reference/list_amazontranscribe.html",
    ),
    ("sts", "GetCallerIdentity"): ActionRule(
        lambda params, account: [],
        "requires no permission",
        f"{_DOCS}/STS/latest/APIReference/API_GetCallerIdentity.html",
    ),
    ("dynamodb", "TransactWriteItems"): ActionRule(
        dynamodb.transaction_permissions,
        "each action requires what it does by itself, a check dynamodb:ConditionCheckItem",
        _TRANSACTIONS,
    ),
    ("dynamodb", "TransactGetItems"): ActionRule(
        dynamodb.transaction_permissions,
        "each action requires what it does by itself",
        _TRANSACTIONS,
    ),
    ("dynamodb", "BatchGetItem"): ActionRule(
        dynamodb.batch_get_permissions,
        "on every table of the request",
        f"{_DOCS}/amazondynamodb/latest/APIReference/API_BatchGetItem.html",
    ),
    ("dynamodb", "BatchWriteItem"): ActionRule(
        dynamodb.batch_write_permissions,
        "on every table of the request",
        f"{_DOCS}/amazondynamodb/latest/APIReference/API_BatchWriteItem.html",
    ),
    ("dynamodb", "Query"): ActionRule(
        dynamodb.query_permissions,
        "on the index if one is read",
        f"{_DOCS}/amazondynamodb/latest/developerguide/specifying-conditions.html",
    ),
    ("dynamodb", "Scan"): ActionRule(
        dynamodb.scan_permissions,
        "on the index if one is read",
        f"{_DOCS}/service-authorization/latest/reference/list_amazondynamodb.html",
    ),
    **{
        ("dynamodb", operation): _item_rule(operation)
        for operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
    },
}
"""Rules by botocore's name of the service (CloudWatch: its signing name) and the operation."""


def required_permissions(
    service: str, operation: str, params: Params, account: AccountResources
) -> tuple[RequiredPermission, ...]:
    """Return the permissions that a call requires, each action on each resource once."""
    rule = ACTION_RULES.get((service, operation))
    if rule is not None:
        return tuple(
            {
                (n.action, n.resource, _context_items(n)): n
                for n in rule.permissions(params, account)
            }.values()
        )
    action = f"{PREFIXES.get(service, service)}:{operation}"
    if service == "dynamodb" and params.get("TableName"):
        return (RequiredPermission(action, dynamodb.table_arn(account, str(params["TableName"]))),)
    return (RequiredPermission(action, resource_of(service, params, account)),)


def _context_items(permission: RequiredPermission) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted(permission.context.items()))
