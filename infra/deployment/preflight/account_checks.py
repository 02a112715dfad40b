"""Preflight checks of an account and a region: offers, permissions and quotas."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from infra.deployment.access import find_region_off
from infra.deployment.concurrency import BOUND
from infra.deployment.failures import is_unreachable
from infra.deployment.log_role import make_log_role
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight.findings import PreflightCheck, PreflightFinding, error, warning
from infra.deployment.preflight.model_checks import chat_model, image_region

FEW_EXECUTIONS = 50
"""Below this an ingest of a large file holds up questions: new accounts begin with 10.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
MAX_APIS = 600
"""Regional REST APIs of an account in a region; it cannot be raised.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
"""


def _region(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    account = plan.account
    finding = find_region_off(account.client, account.region, account.profile)
    if finding is not None:
        yield finding


def _vectors(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    try:
        plan.account.client("s3vectors").list_vector_buckets(maxResults=1)
    except (BotoCoreError, ClientError) as failed:
        if not is_unreachable(failed):
            raise
        yield error(
            f"S3 Vectors does not answer in {plan.account.region}",
            "Passages are kept and found there.",
            "Another --region: "
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-regions-quotas.html",
        )


def _lambda_limits(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    settings = plan.account.client("lambda").get_account_settings()
    limit = settings["AccountLimit"]
    executions = limit["ConcurrentExecutions"]
    if executions < FEW_EXECUTIONS:
        yield warning(
            f"Lambda runs {executions} functions at once in this account",
            "Ingests and questions share them; beyond, Lambda throttles and callers wait.",
            plan.commands.aws(
                "service-quotas request-service-quota-increase --service-code lambda "
                "--quota-code L-B99A9384 --desired-value 1000"
            ),
        )
    needed, used = plan.package.zipped_bytes, settings["AccountUsage"]["TotalCodeSize"]
    if used + needed > limit["TotalCodeSize"]:
        yield error(
            f"Lambda stores {_gb(limit['TotalCodeSize'])} of code, and {_gb(used)} are taken",
            f"The bundles of this stage are {_gb(needed)}; each version counts.",
            "Delete functions or old versions, or ask for more: Service Quotas, AWS Lambda, "
            "Function and layer storage",
        )


def _concurrency(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    """Warn of limits that the account cannot keep: its functions would be throttled."""
    declared = plan.package.template.get("Parameters", {})
    if plan.effective.get("QueueConcurrency") == "1":
        yield error(
            "QueueConcurrency is 1",
            f"AWS bounds the functions of a queue to {BOUND} at least.",
            f"--parameter QueueConcurrency={BOUND}, or 0 for no bound",
        )
    for name, limit in plan.limits.items():
        current = int(plan.effective.get(name, declared[name]["Default"]))
        # A queue is not bound by 0; of the others, more is too much.
        if (current == 0) if name == "QueueConcurrency" else (current > int(limit)):
            yield warning(
                f"{name} is {current}, and Lambda runs {plan.executions} functions at once",
                "Uploads then wait for each other's functions, and questions for theirs.",
                f"--parameter {name}={limit}",
            )


def _apis(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    if not plan.creates:
        return
    pages = plan.account.client("apigateway").get_paginator("get_rest_apis").paginate()
    count = sum(len(page["items"]) for page in pages)
    if count >= MAX_APIS:
        yield error(
            f"API Gateway has {count} REST APIs in {plan.account.region}",
            f"It has room for {MAX_APIS}, and this cannot be raised.",
            f"Delete one that nobody uses (`{plan.commands.aws('apigateway get-rest-apis')}`), "
            "or another --region",
        )


def _access_logs(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    """Check the role with which API Gateway writes logs, set once per account and region.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
    """
    scope, package = plan.scope(), plan.package
    if not package.writes_access_logs(scope):
        return
    role = plan.account.client("apigateway").get_account().get("cloudwatchRoleArn", "")
    region = plan.account.region
    if not role and not package.sets_log_role(scope):
        yield error(
            f"API Gateway has no role to write logs with in {region}",
            "The API's access logs are on; without the role the stage cannot be made.",
            "--parameter ApiLogsRole=create, which makes one for every API of the account in "
            "this region; or --parameter ApiAccessLogs=off",
            offer="Make one now, for every API of the account in this region?",
            mend=functools.partial(make_log_role, plan.account),
        )
    if role and package.sets_log_role(scope) and f":role/{plan.stack_name}-" not in role:
        yield warning(
            f"API Gateway writes logs with {role} in {region}",
            "The stack sets a role of its own, for every API of the account in this region.",
            "--parameter ApiLogsRole=existing keeps the one that is there",
        )


def _gb(size: int) -> str:
    return f"{size / 1024**3:.1f} GB"


CHECKS: tuple[PreflightCheck[DeploymentPlan], ...] = (
    PreflightCheck("Region", _region),
    PreflightCheck("S3 Vectors", _vectors),
    PreflightCheck("Language model", chat_model),
    PreflightCheck("Image models", image_region, needs_parameters=True),
    PreflightCheck("Lambda's quotas", _lambda_limits),
    PreflightCheck("Limits of concurrency", _concurrency, needs_parameters=True),
    PreflightCheck("API Gateway's quotas", _apis),
    PreflightCheck("API Gateway's log role", _access_logs, needs_parameters=True),
)
