"""The resource that a call of a JSON service is about, as IAM names it. Pure.

https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.iam.needs import Params, Place

ANY = "*"
"""The resource of an action that has none, and of a call whose resource is not worked out here.

Only a policy for every resource (`*`) covers it, so that nothing is allowed by mistake.
"""


def _first(params: Params, *names: str) -> str | None:
    return next((str(params[name]) for name in names if params.get(name)), None)


def _queue(params: Params, place: Place) -> str:
    if params.get("SourceArn"):
        return str(params["SourceArn"])
    name = _first(params, "QueueUrl", "QueueName")
    return ANY if name is None else place.arn("sqs", name.rstrip("/").rpartition("/")[2])


def _function(params: Params, place: Place) -> str:
    reference = _first(params, "FunctionName", "Resource")
    if reference is None:
        return ANY
    name = reference.rpartition(":function:")[2] if ":function:" in reference else reference
    name = name.rpartition(":")[2] if name[:12].isdigit() else name
    qualifier = params.get("Qualifier")
    full = f"{name}:{qualifier}" if qualifier and ":" not in name else name
    return place.arn("lambda", f"function:{full.removesuffix(':$LATEST')}")


def _states(params: Params, place: Place) -> str:
    return _first(params, "executionArn", "stateMachineArn", "mapRunArn", "resourceArn") or ANY


def _vectors(params: Params, place: Place) -> str:
    if params.get("indexArn"):
        return str(params["indexArn"])
    if params.get("vectorBucketArn"):
        bucket = str(params["vectorBucketArn"])
    elif params.get("vectorBucketName"):
        bucket = place.arn("s3vectors", f"bucket/{params['vectorBucketName']}")
    else:
        return ANY
    return f"{bucket}/index/{params['indexName']}" if params.get("indexName") else bucket


_PROFILE_REGIONS = ("us", "us-gov", "eu", "apac", "jp", "au", "ca", "global")


def _model(params: Params, place: Place) -> str:
    """Return the model's ARN; an id that begins with a geography is an inference profile's.

    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-prereq.html
    """
    model = _first(params, "modelId")
    if model is None or model.startswith("arn:"):
        return model or ANY
    if model.partition(".")[0] in _PROFILE_REGIONS:
        return place.arn("bedrock", f"inference-profile/{model}")
    return f"arn:aws:bedrock:{place.region}::foundation-model/{model}"


def guardrail_arn(params: Params, place: Place) -> str:
    """Return the ARN of the guardrail that a call names by id or ARN."""
    named = _first(params, "guardrailIdentifier") or "*"
    return named if named.startswith("arn:") else place.arn("bedrock", f"guardrail/{named}")


def _bedrock(params: Params, place: Place) -> str:
    """Return the guardrail or the batch job that a call is about, `*` for every other call."""
    if _first(params, "guardrailIdentifier"):
        return guardrail_arn(params, place)
    job = _first(params, "jobIdentifier")
    if job is None or job.startswith("arn:"):
        return job or ANY
    return place.arn("bedrock", f"model-invocation-job/{job}")


def _hosted(params: Params, place: Place) -> str:
    """Return the endpoint, configuration, model or job of SageMaker's that a call is about, whose
    name is in lower case in ARNs. Lists are about all of them.

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
            return place.arn("sagemaker", f"{kind}/{str(params[name]).lower()}")
    return ANY


def _rule_or_bus(params: Params, place: Place) -> str:
    bus = str(params.get("EventBusName") or "default")
    if bus.startswith("arn:"):
        bus = bus.rpartition("event-bus/")[2]
    rule = _first(params, "Rule") or (None if "EventBusName" not in params else params.get("Name"))
    if rule is None:
        return place.arn("events", f"event-bus/{params.get('Name') or bus}")
    return place.arn("events", f"rule/{rule}" if bus == "default" else f"rule/{bus}/{rule}")


def _named(service: str, kind: str, *names: str) -> Callable[[Params, Place], str]:
    def resource(params: Params, place: Place) -> str:
        name = _first(params, *names)
        if name is None or name.startswith("arn:"):
            return name or ANY
        return place.arn(service, f"{kind}{name}")

    return resource


RESOURCES: Mapping[str, Callable[[Params, Place], str]] = {
    "sqs": _queue,
    "lambda": _function,
    "stepfunctions": _states,
    "s3vectors": _vectors,
    "bedrock": _bedrock,
    "bedrock-runtime": _model,
    "events": _rule_or_bus,
    "sagemaker": _hosted,
    "sagemaker-runtime": _hosted,
    "sns": _named("sns", "", "TopicArn", "TargetArn", "Name"),
    "kms": _named("kms", "key/", "KeyId"),
    "secretsmanager": _named("secretsmanager", "secret:", "SecretId", "Name"),
    "ssm": _named("ssm", "parameter/", "Name"),
    "sts": _named("sts", "", "RoleArn"),
    "logs": _named("logs", "log-group:", "logGroupName"),
}
"""By botocore's name of the service; DynamoDB's and S3's are worked out with their actions."""


def resource_of(service: str, params: Mapping[str, Any], place: Place) -> str:
    """Return the ARN of what a call is about, or `*`."""
    found = RESOURCES.get(service)
    return ANY if found is None else found(params, place)
