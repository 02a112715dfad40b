"""IAM permissions for what a stage has in Bedrock, SageMaker and Secrets Manager.

They find, stop and remove jobs, models and the keys of added models, which `headrace models add`
keeps there. `python -m infra.deployment.job_permissions` writes `infra/deployer-jobs-policy.json`.
It is a separate policy because one policy of all would exceed IAM's character limit; `headrace
destroy` goes on without it, and says what it could not look for.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
"""

from __future__ import annotations

import json

from infra.deployment.permissions import FILE as POLICY
from infra.deployment.permissions import DeployerStatement, policy_document

FILE = POLICY.with_name("deployer-jobs-policy.json")

JOB_STATEMENTS: tuple[DeployerStatement, ...] = (
    DeployerStatement(
        "LookForJobs",
        (
            "bedrock:ListModelInvocationJobs",
            "sagemaker:ListEndpointConfigs",
            "sagemaker:ListEndpoints",
            "sagemaker:ListHyperParameterTuningJobs",
            "sagemaker:ListModelPackageGroups",
            "sagemaker:ListModelPackages",
            "sagemaker:ListModels",
            "sagemaker:ListProcessingJobs",
            "sagemaker:ListTrainingJobs",
            "sagemaker:ListTransformJobs",
            "secretsmanager:ListSecrets",
        ),
        ("*",),
    ),
    DeployerStatement(
        "KeepKeysOfAddedModels",
        (
            "secretsmanager:CreateSecret",
            "secretsmanager:DeleteSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
        ),
        ("arn:aws:secretsmanager:*:*:secret:headrace/*",),
    ),
    DeployerStatement(
        "StopBatchJobs",
        ("bedrock:GetModelInvocationJob", "bedrock:StopModelInvocationJob"),
        # Bedrock gives the ids, so that no name narrows them.
        ("arn:aws:bedrock:*:*:model-invocation-job/*",),
    ),
    DeployerStatement(
        "StopJobs",
        (
            "sagemaker:DeleteEndpoint",
            "sagemaker:DeleteEndpointConfig",
            "sagemaker:DeleteModel",
            "sagemaker:DeleteModelPackage",
            "sagemaker:DeleteModelPackageGroup",
            "sagemaker:DescribeHyperParameterTuningJob",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:DescribeTransformJob",
            "sagemaker:StopHyperParameterTuningJob",
            "sagemaker:StopProcessingJob",
            "sagemaker:StopTrainingJob",
            "sagemaker:StopTransformJob",
        ),
        tuple(
            f"arn:aws:sagemaker:*:*:{kind}/headrace-*"
            for kind in (
                "endpoint",
                "endpoint-config",
                "hyper-parameter-tuning-job",
                "model",
                "model-package",
                "model-package-group",
                "processing-job",
                "training-job",
                "transform-job",
            )
        ),
    ),
)


if __name__ == "__main__":
    written = json.dumps(policy_document(JOB_STATEMENTS), indent=2)
    FILE.write_text(written + "\n", encoding="utf-8")
