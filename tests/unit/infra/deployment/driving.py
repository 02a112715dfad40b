"""A deployment into an account whose every answer a test decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.deployment.account import Account
from infra.deployment.deployment import DeploymentResult, DeployOptions, deploy, remove_old_bundles
from infra.deployment.package import read_package
from infra.deployment.plan import DeploymentPlan
from infra.deployment.preflight.findings import PreflightFinding
from infra.deployment.preflight.package_checks import DeploymentRequest
from infra.deployment.preflight.run import run_preflight
from infra.deployment.stack import find_stack
from tests.unit.infra.deployment.aws import ACCOUNT, PRINCIPAL, REGION, Answer, Aws, fixed, refuse
from tests.unit.infra.deployment.cloudformation import CloudFormation
from tests.unit.infra.deployment.packages import SMALL, write_package
from tests.unit.infra.deployment.voices import Heard

QUIET: Mapping[str, Answer] = {
    # An account in which nothing stands in the way, and nothing is there yet.
    "account.GetRegionOptStatus": fixed(RegionName=REGION, RegionOptStatus="ENABLED_BY_DEFAULT"),
    "apigateway.GetAccount": fixed(),
    "apigateway.GetRestApis": fixed(items=[]),
    "bedrock.GetFoundationModel": fixed(
        modelDetails={
            "modelArn": "arn:aws:bedrock:x",
            "modelId": "amazon.nova-micro-v1:0",
            "inferenceTypesSupported": ["ON_DEMAND"],
        }
    ),
    "bedrock.GetFoundationModelAvailability": fixed(
        modelId="amazon.nova-micro-v1:0",
        agreementAvailability={"status": "AVAILABLE"},
        authorizationStatus="AUTHORIZED",
        entitlementAvailability="AVAILABLE",
        regionAvailability="AVAILABLE",
    ),
    "dynamodb.DescribeTable": refuse("ResourceNotFoundException"),
    "iam.SimulatePrincipalPolicy": lambda asked: {
        "EvaluationResults": [
            {"EvalActionName": name, "EvalDecision": "allowed"} for name in asked["ActionNames"]
        ]
    },
    "lambda.GetAccountSettings": fixed(
        AccountLimit={"ConcurrentExecutions": 1000, "TotalCodeSize": 75 * 1024**3},
        AccountUsage={"TotalCodeSize": 0},
    ),
    "logs.DescribeLogGroups": fixed(logGroups=[]),
    "s3.HeadBucket": refuse("404", status=404),
    "s3.HeadObject": refuse("404", status=404),
    "s3.CreateBucket": fixed(),
    "s3.DeleteBucket": fixed(),
    "s3.DeleteObjects": fixed(),
    "s3.ListObjectsV2": fixed(),
    "s3.PutBucketEncryption": fixed(),
    "s3.PutBucketLifecycleConfiguration": fixed(),
    "s3.PutBucketPolicy": fixed(),
    "s3.PutObject": fixed(),
    "s3.PutPublicAccessBlock": fixed(),
    "s3vectors.ListVectorBuckets": fixed(vectorBuckets=[]),
    "sts.GetCallerIdentity": fixed(Account=ACCOUNT, Arn=PRINCIPAL, UserId="A"),
}


@dataclass
class Driver:
    """Deploys the small package, or one of another template."""

    folder: Path
    cloudformation: CloudFormation = field(default_factory=CloudFormation)
    voice: Heard = field(default_factory=Heard)
    answers: dict[str, Answer] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.aws = Aws({**QUIET, **self.cloudformation.answers()})

    def answer(self, **answers: Answer) -> None:
        """Answer otherwise: `sts__GetCallerIdentity=...`."""
        for name, given in answers.items():
            self.aws.answers[name.replace("__", ".")] = given

    def wish(
        self, parameters: Mapping[str, str] | None = None, stage: str = "dev", **package: Any
    ) -> DeploymentRequest:
        folder = write_package(self.folder, package.pop("template", SMALL), **package)
        return DeploymentRequest(stage, REGION, read_package(folder), parameters or {})

    def look(self, wish: DeploymentRequest | None = None) -> list[PreflightFinding]:
        return run_preflight(self.aws.client, wish or self.wish())[1]

    def plan(self, **given: str) -> DeploymentPlan:
        account = Account(ACCOUNT, REGION, "aws", PRINCIPAL, self.aws.client)
        stack = find_stack(self.aws.client("cloudformation"), "headrace-dev")
        return DeploymentPlan("dev", self.wish().package, account, stack, given)

    def deploy(self, choices: DeployOptions | None = None, **given: str) -> DeploymentResult | None:
        plan = self.plan(**given)
        deployed = deploy(plan, choices or DeployOptions(yes=True), self.voice, self.slept.append)
        if deployed is not None:
            remove_old_bundles(deployed, self.voice)
        return deployed

    def asked(self, name: str) -> list[dict[str, Any]]:
        """What was asked of one operation."""
        return [params for asked, params in self.aws.asked if asked == name]


def said(findings: Sequence[PreflightFinding]) -> list[tuple[str, str]]:
    """The severity of each finding, and what was found."""
    return [(each.severity, each.what) for each in findings]
