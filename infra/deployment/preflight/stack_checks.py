"""Preflight checks of the existing stack, and of existing resources with the same names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.deployment import resource_names
from infra.deployment.failures import is_missing
from infra.deployment.package import ALIAS
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight.findings import PreflightCheck, PreflightFinding, error, warning
from infra.deployment.resource_names import NamedResource, named_resources
from infra.synthesis.snapstart import ALIAS_SUFFIX

Exists = Callable[[Any, str], bool]


def _state(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    stack = plan.stack
    if stack is None:
        return
    name, status, commands = stack.name, stack.status, plan.commands
    named = f"--stack-name {name}"
    if stack.is_busy:
        yield error(
            f"The stack {name} is {status}",
            "Another deployment or removal goes on; CloudFormation does one at a time.",
            f"Wait ({commands.aws(f'cloudformation describe-stack-events {named}')}), or stop an "
            f"update: {commands.aws(f'cloudformation cancel-update-stack {named}')}",
        )
    elif status in ("UPDATE_ROLLBACK_FAILED",):
        yield error(
            f"The stack {name} is {status}",
            f"A rollback did not get through: {stack.reason or 'no reason given'}.",
            commands.aws(f"cloudformation continue-update-rollback {named}"),
        )
    elif status == "ROLLBACK_COMPLETE" or status.endswith("_FAILED"):
        yield error(
            f"The stack {name} is {status}",
            "A stack in this state cannot be updated.",
            f"{commands.headrace(f'destroy --stage {plan.stage}')}, then deploy again",
        )


def _taken_names(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    ours = _of_the_stack(plan)
    for each in named_resources(plan.package.template, plan.scope()):
        if each.type in _EXISTS and each.name not in ours and _exists(plan, each):
            kind = each.type.rpartition("::")[2]
            yield error(
                f"{kind} {each.name} exists and is not of this stack",
                f"{each.logical_id} would take the name, and its creation would fail.",
                f"{plan.commands.headrace(f'destroy --stage {plan.stage}')} removes what an "
                "earlier stack has left; "
                "keep it by exporting first, or take another --stage",
            )


def _changed_platform(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    """Return what the package would change of a running stage's platform without being asked."""
    if plan.stack is None or plan.creates:
        return
    manifest = plan.package.manifest
    standing = plan.stack.parameters.get("Architecture", manifest.architecture)
    if standing != manifest.architecture:
        yield warning(
            f"The package is for {manifest.architecture}, and {plan.stack_name} runs on {standing}",
            "Every function would change its processors.",
            f"--architecture {standing}; or go on, if this is what you want",
        )
    lost = sorted(_aliases_of_stack(plan) - plan.package.aliases())
    if lost:
        names = [each.removesuffix(ALIAS_SUFFIX) for each in lost]
        yield warning(
            f"{', '.join(names)} would not start from snapshots any more",
            "The stack has them do so (SnapStart), and the package does not.",
            f"{' '.join(f'--snap-start {name}' for name in names)}; or go on, if this is what you "
            "want",
        )


def _aliases_of_stack(plan: DeploymentPlan) -> set[str]:
    return {
        each["LogicalResourceId"]
        for each in _resources(plan)
        if each["ResourceType"] == ALIAS and each["ResourceStatus"] != "DELETE_COMPLETE"
    }


def _of_the_stack(plan: DeploymentPlan) -> set[str]:
    return {_last_of_address(each.get("PhysicalResourceId", "")) for each in _resources(plan)}


def _resources(plan: DeploymentPlan) -> Iterator[Mapping[str, Any]]:
    """Yield the resources of the stack, if there is one."""
    if plan.stack is None or plan.creates:
        return
    pages = plan.account.client("cloudformation").get_paginator("list_stack_resources")
    for page in pages.paginate(StackName=plan.stack.id):
        yield from page["StackResourceSummaries"]


def _last_of_address(physical_id: str) -> str:
    """Return the resource name in the physical id of a queue (URL) or vector bucket (ARN)."""
    if physical_id.startswith("https://"):
        return physical_id.rpartition("/")[2]
    if physical_id.startswith("arn:") and ":s3vectors:" in physical_id:
        return physical_id.rpartition("/")[2]
    return physical_id


def _exists(plan: DeploymentPlan, each: NamedResource) -> bool:
    service, exists = _EXISTS[each.type]
    try:
        return exists(plan.account.client(service), each.name)
    except ClientError as failed:
        if is_missing(failed):
            return False
        raise


def _bucket(s3: Any, name: str) -> bool:
    s3.head_bucket(Bucket=name)
    return True


def _table(dynamodb: Any, name: str) -> bool:
    dynamodb.describe_table(TableName=name)
    return True


def _vector_bucket(vectors: Any, name: str) -> bool:
    vectors.get_vector_bucket(vectorBucketName=name)
    return True


def _log_group(logs: Any, name: str) -> bool:
    groups = logs.describe_log_groups(logGroupNamePrefix=name, limit=50)["logGroups"]
    return any(group["logGroupName"] == name for group in groups)


def _queue(sqs: Any, name: str) -> bool:
    sqs.get_queue_url(QueueName=name)
    return True


_EXISTS: Mapping[str, tuple[str, Exists]] = {
    resource_names.BUCKET: ("s3", _bucket),
    resource_names.TABLE: ("dynamodb", _table),
    resource_names.VECTOR_BUCKET: ("s3vectors", _vector_bucket),
    resource_names.LOG_GROUP: ("logs", _log_group),
    resource_names.QUEUE: ("sqs", _queue),
}

CHECKS: tuple[PreflightCheck[DeploymentPlan], ...] = (
    PreflightCheck("Stack", _state),
    PreflightCheck("Processors and snapshots", _changed_platform),
    PreflightCheck("Names", _taken_names, needs_parameters=True),
)
