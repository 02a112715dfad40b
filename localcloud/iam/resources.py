"""The resource that a call of a JSON service is about, as IAM names it. Pure.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.iam.conditions import RequestContext

Params = Mapping[str, Any]


HashKey = Callable[[str], "str | None"]
"""Returns the name of a DynamoDB table's partition key, or None if the table does not exist."""


@dataclass(frozen=True, slots=True)
class RequiredPermission:
    """An action on a resource: an ARN, or `*` if the action has no resources."""

    action: str
    resource: str
    context: RequestContext = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccountResources:
    """The account and region that resources are named in, and the keys of its tables."""

    region: str
    account_id: str
    hash_key: HashKey = lambda _: None

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of `resource` in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"


ANY = "*"
"""The resource of an action that has none, and of a call whose resource is not worked out here.

Only a policy for every resource (`*`) covers it, so that nothing is allowed by mistake.
"""


def _first_param(params: Params, *names: str) -> str | None:
    return next((str(params[name]) for name in names if params.get(name)), None)


def _queue_arn(params: Params, account: AccountResources) -> str:
    if params.get("SourceArn"):
        return str(params["SourceArn"])
    name = _first_param(params, "QueueUrl", "QueueName")
    return ANY if name is None else account.arn("sqs", name.rstrip("/").rpartition("/")[2])


def _function_arn(params: Params, account: AccountResources) -> str:
    reference = _first_param(params, "FunctionName", "Resource")
    if reference is None:
        return ANY
    name = reference.rpartition(":function:")[2] if ":function:" in reference else reference
    name = name.rpartition(":")[2] if name[:12].isdigit() else name
    qualifier = params.get("Qualifier")
    full = f"{name}:{qualifier}" if qualifier and ":" not in name else name
    return account.arn("lambda", f"function:{full.removesuffix(':$LATEST')}")


def _state_machine_arn(params: Params, account: AccountResources) -> str:
    return (
        _first_param(params, "executionArn", "stateMachineArn", "mapRunArn", "resourceArn") or ANY
    )


def _vector_arn(params: Params, account: AccountResources) -> str:
    if params.get("indexArn"):
        return str(params["indexArn"])
    if params.get("vectorBucketArn"):
        bucket = str(params["vectorBucketArn"])
    elif params.get("vectorBucketName"):
        bucket = account.arn("s3vectors", f"bucket/{params['vectorBucketName']}")
    else:
        return ANY
    return f"{bucket}/index/{params['indexName']}" if params.get("indexName") else bucket


_PROFILE_REGIONS = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")


def _model_arn(params: Params, account: AccountResources) -> str:
    """Return the ARN of a model, or of an inference profile if the id begins with a geography.

    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
    """
    model = _first_param(params, "modelId")
    if model is None or model.startswith("arn:"):
        return model or ANY
    if model.partition(".")[0] in _PROFILE_REGIONS:
        return account.arn("bedrock", f"inference-profile/{model}")
    return f"arn:aws:bedrock:{account.region}::foundation-model/{model}"


def guardrail_arn(params: Params, account: AccountResources) -> str:
    """Return the ARN of the guardrail that a call names by id or ARN."""
    guardrail = _first_param(params, "guardrailIdentifier") or "*"
    if guardrail.startswith("arn:"):
        return guardrail
    return account.arn("bedrock", f"guardrail/{guardrail}")


def _bedrock_arn(params: Params, account: AccountResources) -> str:
    """Return the ARN of the guardrail, job, custom model or deployment of a call, or `*`."""
    if _first_param(params, "guardrailIdentifier"):
        return guardrail_arn(params, account)
    deployment = _first_param(params, "customModelDeploymentIdentifier")
    if deployment is not None and not deployment.startswith("arn:"):
        return account.arn("bedrock", f"custom-model-deployment/{deployment}")
    named = deployment or _first_param(params, "modelArn", "modelIdentifier")
    if named is not None:
        return named if named.startswith("arn:") else ANY
    job = _first_param(params, "jobIdentifier")
    if job is None or job.startswith("arn:"):
        return job or ANY
    return account.arn("bedrock", f"model-invocation-job/{job}")


def _sagemaker_arn(params: Params, account: AccountResources) -> str:
    """Return the ARN of the SageMaker resource of a call, `*` for lists.

    Names are in lower case in ARNs.
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
    """
    if params.get("ModelPackageArn") or ":" in str(params.get("ModelPackageName", "")):
        return str(params.get("ModelPackageArn") or params["ModelPackageName"])
    for kind, name in (
        ("endpoint", "EndpointName"),
        ("endpoint-config", "EndpointConfigName"),
        ("transform-job", "TransformJobName"),
        ("model", "ModelName"),
        ("training-job", "TrainingJobName"),
        ("hyper-parameter-tuning-job", "HyperParameterTuningJobName"),
        ("processing-job", "ProcessingJobName"),
        ("model-package-group", "ModelPackageGroupName"),
    ):
        if params.get(name):
            return account.arn("sagemaker", f"{kind}/{str(params[name]).lower()}")
    return ANY


def _events_arn(params: Params, account: AccountResources) -> str:
    bus = str(params.get("EventBusName") or "default")
    if bus.startswith("arn:"):
        bus = bus.rpartition("event-bus/")[2]
    rule = _first_param(params, "Rule") or (
        None if "EventBusName" not in params else params.get("Name")
    )
    if rule is None:
        return account.arn("events", f"event-bus/{params.get('Name') or bus}")
    return account.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")


def _schedule_arn(params: Params, account: AccountResources) -> str:
    """Return the ARN of a schedule of EventBridge Scheduler, `*` for lists.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridgescheduler.html
    """
    name = _first_param(params, "Name")
    if name is None:
        return _first_param(params, "ResourceArn") or ANY
    return account.arn("scheduler", f"schedule/{params.get('GroupName') or 'default'}/{name}")


def _arn_by_name(service: str, kind: str, *names: str) -> Callable[[Params, AccountResources], str]:
    def resource(params: Params, account: AccountResources) -> str:
        name = _first_param(params, *names)
        if name is None or name.startswith("arn:"):
            return name or ANY
        return account.arn(service, f"{kind}{name}")

    return resource


RESOURCES: Mapping[str, Callable[[Params, AccountResources], str]] = {
    "sqs": _queue_arn,
    "lambda": _function_arn,
    "stepfunctions": _state_machine_arn,
    "s3vectors": _vector_arn,
    "bedrock": _bedrock_arn,
    "bedrock-runtime": _model_arn,
    "events": _events_arn,
    "sagemaker": _sagemaker_arn,
    "scheduler": _schedule_arn,
    "sagemaker-runtime": _sagemaker_arn,
    "sns": _arn_by_name("sns", "", "TopicArn", "TargetArn", "Name"),
    "kms": _arn_by_name("kms", "key/", "KeyId"),
    "secretsmanager": _arn_by_name("secretsmanager", "secret:", "SecretId", "Name"),
    "ssm": _arn_by_name("ssm", "parameter/", "Name"),
    "sts": _arn_by_name("sts", "", "RoleArn"),
    "transcribe": _arn_by_name("transcribe", "transcription-job/", "TranscriptionJobName"),
    "logs": _arn_by_name("logs", "log-group:", "logGroupName"),
}
"""By botocore's name of the service. DynamoDB and S3 derive resources with their actions."""


def resource_of(service: str, params: Mapping[str, Any], account: AccountResources) -> str:
    """Return the ARN of the resource that a call names, or `*`."""
    arn_of = RESOURCES.get(service)
    return ANY if arn_of is None else arn_of(params, account)
