"""Which actions an operation needs, where they are not simply its own name. Pure.

`IMPLIED` is the one table of them: what is not in it needs the action that is called as it is.
S3 has a table of its own, `s3actions`; what DynamoDB's need is worked out in `dynamodbactions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from localcloud.iam import dynamodbactions as dynamodb
from localcloud.iam.needs import Need, Params, Place
from localcloud.iam.resources import guardrail_arn, resource_of

_DOCS = "https://docs.aws.amazon.com"
_SQS = f"{_DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html"
_VECTORS = f"{_DOCS}/AmazonS3/latest/API/API_S3VectorBuckets_"
_BEDROCK = f"{_DOCS}/bedrock/latest/APIReference/API_runtime_"
_PROFILES = f"{_DOCS}/bedrock/latest/userguide/inference-profiles-prereq.html"
_SAGEMAKER = f"{_DOCS}/service-authorization/latest/reference/list_amazonsagemaker.html"
_STREAM = "InvokeModelWithResponseStream"
_TRANSACTIONS = f"{_DOCS}/amazondynamodb/latest/developerguide/transaction-apis-iam.html"

PREFIXES: Mapping[str, str] = {
    "bedrock-runtime": "bedrock",
    "sagemaker-runtime": "sagemaker",
    "monitoring": "cloudwatch",
    "stepfunctions": "states",
}
"""The prefix of a service's actions, where it is not the name that botocore has for it."""


@dataclass(frozen=True, slots=True)
class Implied:
    """What an operation needs in place of, or beside, the action of its own name.

    `when` says so in words, `source` is AWS's page.
    """

    needs: Callable[[Params, Place], Iterable[Need]]
    when: str
    source: str


def _as(service: str, action: str) -> Callable[[Params, Place], Iterable[Need]]:
    def needs(params: Params, place: Place) -> Iterable[Need]:
        return [Need(action, resource_of(service, params, place))]

    return needs


def _also_get_vectors(action: str, *asked: str) -> Callable[[Params, Place], Iterable[Need]]:
    def needs(params: Params, place: Place) -> Iterable[Need]:
        index = resource_of("s3vectors", params, place)
        actions = [action, *(["s3vectors:GetVectors"] if any(map(params.get, asked)) else [])]
        return [Need(each, index) for each in actions]

    return needs


def _asks_model(action: str) -> Callable[[Params, Place], Iterable[Need]]:
    """Return what asking a model needs: through an inference profile, the profile and its model.

    The profile's model is needed in each region that it may be asked in; which these are is AWS's
    business, so here it is the one that is called. A global profile asks it in no region by name.
    """

    def needs(params: Params, place: Place) -> Iterable[Need]:
        asked = resource_of("bedrock-runtime", params, place)
        yield Need(action, asked)
        guardrail = {**params, **(params.get("guardrailConfig") or {})}
        if guardrail.get("guardrailIdentifier"):
            yield Need("bedrock:ApplyGuardrail", guardrail_arn(guardrail, place))
        geography, _, model = asked.partition(":inference-profile/")[2].partition(".")
        if model:
            for region in [place.region, ""] if geography == "global" else [place.region]:
                arn = f"arn:aws:bedrock:{region}::foundation-model/{model}"
                yield Need(action, arn, {"bedrock:inferenceprofilearn": (asked,)})

    return needs


def _create_batch(params: Params, place: Place) -> Iterable[Need]:
    """Return what a batch job needs: on its model and on jobs, and to hand its role on."""
    action = "bedrock:CreateModelInvocationJob"
    yield Need(action, resource_of("bedrock-runtime", params, place))
    yield Need(action, place.arn("bedrock", "model-invocation-job/*"))
    yield Need(
        "iam:PassRole",
        str(params.get("roleArn", "")),
        {"iam:passedtoservice": ("bedrock.amazonaws.com",)},
    )


def _create_model(params: Params, place: Place) -> Iterable[Need]:
    """Return what a model of SageMaker's needs: itself, and to hand its role on."""
    yield Need("sagemaker:CreateModel", resource_of("sagemaker", params, place))
    yield Need(
        "iam:PassRole",
        str(params.get("ExecutionRoleArn", "")),
        {"iam:passedtoservice": ("sagemaker.amazonaws.com",)},
    )


def _create_job(action: str) -> Callable[[Params, Place], Iterable[Need]]:
    """Return what a job of SageMaker's needs: itself, and to hand its role on.

    The role of a tuning job is that of the training jobs that it begins.
    """

    def needs(params: Params, place: Place) -> Iterable[Need]:
        yield Need(action, resource_of("sagemaker", params, place))
        role = params.get("RoleArn") or params.get("TrainingJobDefinition", {}).get("RoleArn", "")
        yield Need("iam:PassRole", str(role), {"iam:passedtoservice": ("sagemaker.amazonaws.com",)})

    return needs


def _with_config(action: str) -> Callable[[Params, Place], Iterable[Need]]:
    """Return what an endpoint needs that is given a configuration: the action on both."""

    def needs(params: Params, place: Place) -> Iterable[Need]:
        for name in ("EndpointName", "EndpointConfigName"):
            yield Need(action, resource_of("sagemaker", {name: params.get(name)}, place))

    return needs


def _put_metrics(params: Params, _: Place) -> Iterable[Need]:
    namespace = {"cloudwatch:namespace": (str(params.get("Namespace", "")),)}
    yield Need("cloudwatch:PutMetricData", "*", namespace)


def _put_events(params: Params, place: Place) -> Iterable[Need]:
    buses = {str(entry.get("EventBusName") or "default") for entry in params.get("Entries", ())}
    for bus in sorted(buses):
        arn = bus if bus.startswith("arn:") else place.arn("events", f"event-bus/{bus}")
        yield Need("events:PutEvents", arn)


def _one_item(operation: str) -> Implied:
    return Implied(
        lambda params, place: [dynamodb.keyed(f"dynamodb:{operation}", params, place)],
        "the partition key of the item is given to conditions",
        f"{_DOCS}/amazondynamodb/latest/developerguide/specifying-conditions.html",
    )


IMPLIED: Mapping[tuple[str, str], Implied] = {
    **{
        ("sqs", f"{operation}Batch"): Implied(
            _as("sqs", f"sqs:{operation}"), "a batch needs what one message needs", _SQS
        )
        for operation in ("SendMessage", "DeleteMessage", "ChangeMessageVisibility")
    },
    ("lambda", "Invoke"): Implied(
        _as("lambda", "lambda:InvokeFunction"),
        "always",
        f"{_DOCS}/lambda/latest/api/API_Invoke.html",
    ),
    ("lambda", "InvokeWithResponseStream"): Implied(
        _as("lambda", "lambda:InvokeFunction"),
        "always",
        f"{_DOCS}/lambda/latest/api/API_InvokeWithResponseStream.html",
    ),
    **{
        ("bedrock-runtime", operation): Implied(
            _asks_model(f"bedrock:{action}"),
            "always, on the model too where an inference profile is asked",
            source,
        )
        for operation, action, source in (
            ("Converse", "InvokeModel", f"{_BEDROCK}Converse.html"),
            ("ConverseStream", _STREAM, f"{_BEDROCK}ConverseStream.html"),
            ("InvokeModel", "InvokeModel", _PROFILES),
            (_STREAM, _STREAM, _PROFILES),
        )
    },
    ("bedrock-runtime", "ApplyGuardrail"): Implied(
        lambda params, place: [Need("bedrock:ApplyGuardrail", guardrail_arn(params, place))],
        "on the guardrail",
        f"{_BEDROCK}ApplyGuardrail.html",
    ),
    ("bedrock", "CreateModelInvocationJob"): Implied(
        _create_batch,
        "on the model and on jobs, with iam:PassRole on the role that it is given",
        f"{_DOCS}/bedrock/latest/userguide/batch-inference-permissions.html",
    ),
    ("sagemaker", "CreateModel"): Implied(
        _create_model, "with iam:PassRole on the role that it is given", _SAGEMAKER
    ),
    **{
        ("sagemaker", operation): Implied(
            _create_job(f"sagemaker:{operation}"),
            "with iam:PassRole on the role that it is given",
            _SAGEMAKER,
        )
        for operation in (
            "CreateHyperParameterTuningJob",
            "CreateProcessingJob",
            "CreateTrainingJob",
        )
    },
    **{
        ("sagemaker", operation): Implied(
            _with_config(f"sagemaker:{operation}"),
            "on the endpoint and on its configuration",
            _SAGEMAKER,
        )
        for operation in ("CreateEndpoint", "UpdateEndpoint")
    },
    ("s3vectors", "QueryVectors"): Implied(
        _also_get_vectors("s3vectors:QueryVectors", "filter", "returnMetadata"),
        "with a filter or with returnMetadata it also needs s3vectors:GetVectors",
        f"{_VECTORS}QueryVectors.html",
    ),
    ("s3vectors", "ListVectors"): Implied(
        _also_get_vectors("s3vectors:ListVectors", "returnData", "returnMetadata"),
        "with returnData or returnMetadata it also needs s3vectors:GetVectors",
        f"{_VECTORS}ListVectors.html",
    ),
    ("events", "PutEvents"): Implied(
        _put_events,
        "on every bus that an entry names",
        f"{_DOCS}/eventbridge/latest/userguide/eb-manage-iam-access.html",
    ),
    ("monitoring", "PutMetricData"): Implied(
        _put_metrics,
        "the namespace is given to conditions",
        f"{_DOCS}/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html",
    ),
    ("sts", "GetCallerIdentity"): Implied(
        lambda params, place: [],
        "no permission is needed to ask who one is",
        f"{_DOCS}/STS/latest/APIReference/API_GetCallerIdentity.html",
    ),
    ("dynamodb", "TransactWriteItems"): Implied(
        dynamodb.transaction,
        "each part needs what it would need by itself, a check dynamodb:ConditionCheckItem",
        _TRANSACTIONS,
    ),
    ("dynamodb", "TransactGetItems"): Implied(
        dynamodb.transaction, "each part needs what it would need by itself", _TRANSACTIONS
    ),
    ("dynamodb", "BatchGetItem"): Implied(
        dynamodb.batch_get,
        "on every table that is named",
        f"{_DOCS}/amazondynamodb/latest/APIReference/API_BatchGetItem.html",
    ),
    ("dynamodb", "BatchWriteItem"): Implied(
        dynamodb.batch_write,
        "on every table that is named",
        f"{_DOCS}/amazondynamodb/latest/APIReference/API_BatchWriteItem.html",
    ),
    ("dynamodb", "Query"): Implied(
        dynamodb.query,
        "on the index, where one is read",
        f"{_DOCS}/amazondynamodb/latest/developerguide/specifying-conditions.html",
    ),
    ("dynamodb", "Scan"): Implied(
        dynamodb.scan,
        "on the index, where one is read",
        f"{_DOCS}/service-authorization/latest/reference/list_amazondynamodb.html",
    ),
    **{
        ("dynamodb", operation): _one_item(operation)
        for operation in ("GetItem", "PutItem", "UpdateItem", "DeleteItem")
    },
}
"""By botocore's name of the service, CloudWatch's by that it signs with, and the operation."""


def needs_of(service: str, operation: str, params: Params, place: Place) -> tuple[Need, ...]:
    """Return what a call needs, each action on each resource once."""
    implied = IMPLIED.get((service, operation))
    if implied is not None:
        return tuple(
            {(n.action, n.resource, _frozen(n)): n for n in implied.needs(params, place)}.values()
        )
    action = f"{PREFIXES.get(service, service)}:{operation}"
    if service == "dynamodb" and params.get("TableName"):
        return (Need(action, dynamodb.table_arn(place, str(params["TableName"]))),)
    return (Need(action, resource_of(service, params, place)),)


def _frozen(need: Need) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple(sorted(need.context.items()))
