"""Preflight checks of the caller's permissions to create the stage's resources.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra.deployment.account import Account
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight.findings import PreflightCheck, PreflightFinding, error, warning


@dataclass(frozen=True, slots=True)
class DeployerAction:
    """An action needed to create a kind of resource, and an example ARN.

    `{stage}` in it stands for the stack's name, which every name begins with.
    """

    action: str
    address: str
    by_cloudformation: bool = True
    """Whether CloudFormation makes the call, and not the command itself."""


DEPLOYER_ACTIONS: tuple[DeployerAction, ...] = (
    DeployerAction(
        "cloudformation:CreateChangeSet", "cloudformation:{region}:{account}:stack/{stage}/x", False
    ),
    DeployerAction(
        "cloudformation:ExecuteChangeSet",
        "cloudformation:{region}:{account}:stack/{stage}/x",
        False,
    ),
    DeployerAction("apigateway:POST", "apigateway:{region}::/restapis"),
    DeployerAction("dynamodb:CreateTable", "dynamodb:{region}:{account}:table/{stage}-records"),
    DeployerAction("events:PutRule", "events:{region}:{account}:rule/{stage}-inbox"),
    DeployerAction("iam:CreateRole", "iam::{account}:role/{stage}-Role"),
    DeployerAction(
        "iam:CreateServiceLinkedRole",
        "iam::{account}:role/aws-service-role/ops.apigateway.amazonaws.com/AWSServiceRoleForAPIGateway",
    ),
    DeployerAction("iam:PassRole", "iam::{account}:role/{stage}-Role"),
    DeployerAction("iam:PutRolePolicy", "iam::{account}:role/{stage}-Role"),
    DeployerAction(
        "lambda:CreateFunction", "lambda:{region}:{account}:function:{stage}-embed-text"
    ),
    DeployerAction(
        "logs:CreateLogGroup", "logs:{region}:{account}:log-group:/headrace/x/functions"
    ),
    DeployerAction("s3:CreateBucket", "s3:::{stage}-documents"),
    DeployerAction("s3:PutObject", "s3:::headrace-artifacts/functions/x.zip", False),
    DeployerAction(
        "s3vectors:CreateVectorBucket", "s3vectors:{region}:{account}:bucket/{stage}-vectors"
    ),
    DeployerAction("sqs:CreateQueue", "sqs:{region}:{account}:{stage}-inbox"),
    DeployerAction(
        "states:CreateStateMachine", "states:{region}:{account}:stateMachine:{stage}-ingest"
    ),
)
_FIX = "Attach infra/deployer-policy.json, or deploy as someone who may"


def _may_deploy(plan: DeploymentPlan) -> Iterator[PreflightFinding]:
    source = _policy_source(plan.account)
    if source is None:
        return
    iam = plan.account.client("iam")
    results = {each.action: _simulate(iam, source, each, plan) for each in DEPLOYER_ACTIONS}
    denied = {action: missing for action, missing in results.items() if missing is not None}
    surely = sorted(action for action, missing in denied.items() if not missing)
    perhaps = sorted(action for action, missing in denied.items() if missing)
    why = f"CloudFormation makes the stage as {plan.account.principal}."
    if surely:
        yield error(f"Not allowed: {', '.join(surely)}", why, _FIX)
    if perhaps:
        keys = sorted({key for action in perhaps for key in denied[action]})
        yield warning(
            f"Perhaps not allowed: {', '.join(perhaps)}",
            f"{why} A policy asks for {', '.join(keys)}, which only the real call has.",
            f"{_FIX}, if the deployment is refused",
        )


def _policy_source(account: Account) -> str | None:
    """Return the user or role whose policies count, or None for the unrestricted root user."""
    kind, _, name = account.principal.rpartition(":")[2].partition("/")
    if kind == "root":
        return None
    if kind != "assumed-role":
        return account.principal
    role = account.client("iam").get_role(RoleName=name.partition("/")[0])
    return str(role["Role"]["Arn"])


def _simulate(
    iam: Any, source: str, asked: DeployerAction, plan: DeploymentPlan
) -> Collection[str] | None:
    """Return None for an allowed action, or else the context keys that the denial lacked."""
    account = plan.account
    address = asked.address.format(region=account.region, account=account.id, stage=plan.stack_name)
    answer = iam.simulate_principal_policy(
        PolicySourceArn=source,
        ActionNames=[asked.action],
        ResourceArns=[f"arn:{account.partition}:{address}"],
        ContextEntries=list(_context(asked, account.region)),
    )
    denied = [each for each in answer["EvaluationResults"] if each["EvalDecision"] != "allowed"]
    return {key for each in denied for key in _missing(each)} if denied else None


def _context(asked: DeployerAction, region: str) -> Iterator[dict[str, object]]:
    """Yield the context keys of a real call; calls of IAM always go to us-east-1."""
    known = {
        "aws:RequestedRegion": "us-east-1" if asked.action.startswith("iam:") else region,
        "iam:AWSServiceName": "ops.apigateway.amazonaws.com",
        "iam:PassedToService": "lambda.amazonaws.com",
    }
    for name, value in known.items():
        yield {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
    if asked.by_cloudformation:
        yield {
            "ContextKeyName": "aws:CalledVia",
            "ContextKeyValues": ["cloudformation.amazonaws.com"],
            "ContextKeyType": "stringList",
        }


def _missing(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the context keys that policies need; IAM lists them apart if a resource is named."""
    yield from result.get("MissingContextValues", [])
    for each in result.get("ResourceSpecificResults", []):
        yield from each.get("MissingContextValues", [])


CHECKS: tuple[PreflightCheck[DeploymentPlan], ...] = (
    PreflightCheck("Permission to deploy", _may_deploy),
)
