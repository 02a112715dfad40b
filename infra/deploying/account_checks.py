"""Looks at an account and a region: what is offered, what is allowed, how much is left."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploying.commands import Commands
from infra.deploying.failures import is_unreachable
from infra.deploying.findings import Check, Finding, error, warning
from infra.deploying.model_checks import chat_model
from infra.deploying.plan import Plan
from infra.stages import Client

FEW_EXECUTIONS = 50
"""Below this an ingest of a large file holds up questions: new accounts begin with 10.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
MAX_APIS = 600
"""Regional REST APIs of an account in a region; it cannot be raised.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html
"""


def turned_off(client: Client, region: str, profile: str | None) -> Finding | None:
    """Return an error where the account has not turned `region` on; us-east-1 says so of all.

    https://docs.aws.amazon.com/accounts/latest/reference/API_GetRegionOptStatus.html
    """
    asked = client("account").get_region_opt_status(RegionName=region)
    status = asked["RegionOptStatus"]
    if status.startswith("ENABLED"):
        return None
    turn_on = Commands("us-east-1", profile).aws(f"account enable-region --region-name {region}")
    return error(
        f"The region {region} is {status.lower()}",
        "Nothing can be made in a region that the account has not turned on.",
        f"{turn_on}, which takes minutes to hours; or another --region",
    )


def _region(plan: Plan) -> Iterator[Finding]:
    account = plan.account
    found = turned_off(account.client, account.region, account.profile)
    if found is not None:
        yield found


def _vectors(plan: Plan) -> Iterator[Finding]:
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


def _lambda_limits(plan: Plan) -> Iterator[Finding]:
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


def _apis(plan: Plan) -> Iterator[Finding]:
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


def _access_logs(plan: Plan) -> Iterator[Finding]:
    """API Gateway writes logs as a role that is set once for an account and region.

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
        )
    if role and package.sets_log_role(scope) and f":role/{plan.stack_name}-" not in role:
        yield warning(
            f"API Gateway writes logs with {role} in {region}",
            "The stack sets a role of its own, for every API of the account in this region.",
            "--parameter ApiLogsRole=existing keeps the one that is there",
        )


def _gb(size: int) -> str:
    return f"{size / 1024**3:.1f} GB"


CHECKS: tuple[Check[Plan], ...] = (
    Check("Region", _region),
    Check("S3 Vectors", _vectors),
    Check("Language model", chat_model),
    Check("Lambda's quotas", _lambda_limits),
    Check("API Gateway's quotas", _apis),
    Check("API Gateway's log role", _access_logs, needs_parameters=True),
)
