"""IAM permissions that deploying a stage with an endpoint needs in addition.

`python -m infra.deployment.endpoint_permissions` writes `infra/deployer-endpoints-policy.json`. It
is a separate policy because one policy of all would exceed IAM's character limit.
"""

from __future__ import annotations

import json

from infra.deployment.permissions import BY_CLOUDFORMATION, DeployerStatement, policy_document
from infra.deployment.permissions import FILE as POLICY

FILE = POLICY.with_name("deployer-endpoints-policy.json")

_SCALING = "sagemaker.application-autoscaling.amazonaws.com"

ENDPOINT_STATEMENTS: tuple[DeployerStatement, ...] = (
    DeployerStatement(
        "Endpoints",
        ("application-autoscaling:*", "sagemaker:*"),
        (
            "arn:aws:application-autoscaling:*:*:scalable-target/*",
            "arn:aws:sagemaker:*:*:endpoint-config/*",
            "arn:aws:sagemaker:*:*:endpoint/headrace-*",
            "arn:aws:sagemaker:*:*:model/*",
        ),
        (
            "AWS::ApplicationAutoScaling::ScalableTarget",
            "AWS::ApplicationAutoScaling::ScalingPolicy",
            "AWS::SageMaker::Endpoint",
            "AWS::SageMaker::EndpointConfig",
            "AWS::SageMaker::Model",
        ),
        BY_CLOUDFORMATION,
    ),
    DeployerStatement(
        "EndpointScaling",
        ("iam:CreateServiceLinkedRole",),
        (f"arn:aws:iam::*:role/aws-service-role/{_SCALING}/*",),
        ("AWS::ApplicationAutoScaling::ScalableTarget",),
        {"StringEquals": {"iam:AWSServiceName": _SCALING}},
    ),
    DeployerStatement(
        "HandEndpointRoleOver",
        ("iam:PassRole",),
        ("arn:aws:iam::*:role/headrace-*",),
        (),
        {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
    ),
    DeployerStatement(
        "EndpointLogs",
        ("logs:*",),
        ("arn:aws:logs:*:*:log-group:/aws/sagemaker/Endpoints/headrace-*",),
        ("AWS::Logs::LogGroup",),
    ),
)


if __name__ == "__main__":
    written = json.dumps(policy_document(ENDPOINT_STATEMENTS), indent=2)
    FILE.write_text(written + "\n", encoding="utf-8")
