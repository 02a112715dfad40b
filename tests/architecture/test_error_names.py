"""Every name in a Retry or a Catch is one that its state can fail with, and none is missing.

The names are those with which the local cloud's own integrations fail, made to fail in every way
that the service's model has. Optimised integrations write them as AWS's first Java SDK does,
`aws-sdk` ones as the second: an error that is not in the service's model has the name of the
SDK's exception for the service, `SageMaker.AmazonSageMakerException` and
`SageMaker.SageMakerException`.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
https://docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-troubleshooting.html
"""

from __future__ import annotations

import inspect
import io
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from chalicelib import errors
from infra.synthesis.state_machines import POLICIES, read_definition, states_of
from localcloud.stepfunctions.integrations.integration import TaskCall, TaskResource
from localcloud.stepfunctions.integrations.registry import integration_for
from localcloud.stepfunctions.integrations.sdk_shapes import java_sdk_name
from localcloud.stepfunctions.language.errors import ReportedError
from tests.architecture.ingest_definition import ROOT
from tests.unit.stepfunctions.bench import MACHINE, ROLE, Answer, FakeClient, aws_error

FOLDER = (ROOT / "statemachines").resolve()
FILES = sorted(FOLDER.glob("*.asl.json"))
OURS = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
FUNCTION_ERRORS = {*OURS, "Runtime.ExitError", "Sandbox.Timedout"}
"""Values of `errorType` that functions answer: our classes, and names of Lambda's runtime."""
CLIENTS = {"states": "stepfunctions"}
"""What botocore calls a service, where resources of tasks call it otherwise."""
UNMODELLED = "ErrorThatIsNotInTheModel"
TRANSIENT = {
    "lambda": {
        "Throttled",
        "Transient",
        "Runtime.ExitError",
        "Lambda.Unknown",
        "Lambda.AWSLambdaException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.ResourceConflictException",
        "Lambda.ResourceNotReadyException",
        "Lambda.SdkClientException",
        "Lambda.ServiceException",
        "Lambda.SnapStartNotReadyException",
        "Lambda.SnapStartTimeoutException",
        "Lambda.TooManyRequestsException",
    },
    "events": {
        "EventBridge.AmazonEventBridgeException",
        "EventBridge.FailedEntry",
        "EventBridge.InternalException",
        "EventBridge.SdkClientException",
    },
    "aws-sdk:dynamodb": {
        "DynamoDb.DynamoDbException",
        "DynamoDb.InternalServerErrorException",
        "DynamoDb.ProvisionedThroughputExceededException",
        "DynamoDb.RequestLimitExceededException",
        "DynamoDb.SdkClientException",
        "DynamoDb.ThrottlingException",
    },
    "sagemaker": {
        "SageMaker.AmazonSageMakerException",
        "SageMaker.ResourceLimitExceededException",
    },
    "aws-sdk:transcribe": {
        "Transcribe.InternalFailureException",
        "Transcribe.LimitExceededException",
        "Transcribe.SdkClientException",
        "Transcribe.TranscribeException",
    },
    "aws-sdk:sagemaker": {"SageMaker.SageMakerException"},
    "bedrock": {
        "Bedrock.BedrockException",
        "Bedrock.InternalServerException",
        "Bedrock.SdkClientException",
        "Bedrock.ServiceQuotaExceededException",
        "Bedrock.ThrottlingException",
    },
    "aws-sdk:bedrock": {
        "Bedrock.BedrockException",
        "Bedrock.InternalServerException",
        "Bedrock.SdkClientException",
        "Bedrock.ThrottlingException",
    },
    "aws-sdk:s3": {"S3.S3Exception", "S3.SdkClientException"},
    "states": {
        "StepFunctions.AWSStepFunctionsException",
        "StepFunctions.ExecutionLimitExceededException",
        "StepFunctions.SdkClientException",
    },
}
"""The names that every task of an integration retries: with time, such an error passes."""


def _sample(shape: Shape | None) -> Any:
    """Return parameters with the required members of a shape, as a state has them."""
    if isinstance(shape, StructureShape):
        needed = {name: shape.members[name] for name in shape.required_members}
        return {java_sdk_name(name): _sample(member) for name, member in needed.items()}
    if isinstance(shape, ListShape):
        return [_sample(shape.member)]
    if isinstance(shape, MapShape):
        return {"key": _sample(shape.value)}
    return "value"


def _failing(code: str) -> Answer:
    def answer(_: dict[str, Any]) -> dict[str, Any]:
        raise aws_error(code, "message")

    return answer


def _unreachable(_: dict[str, Any]) -> dict[str, Any]:
    raise EndpointConnectionError(endpoint_url="http://there")


def _late(_: dict[str, Any]) -> dict[str, Any]:
    raise ReadTimeoutError(endpoint_url="http://there")


def _function_error(payload: dict[str, str]) -> Answer:
    body = json.dumps(payload).encode()
    return lambda _: {"FunctionError": "Unhandled", "Payload": io.BytesIO(body)}


def _failures(resource: TaskResource, model: OperationModel) -> Iterator[Answer]:
    """Yield every way in which the service can fail the operation."""
    for shape in model.error_shapes:
        assert isinstance(shape, StructureShape)
        yield _failing(str(shape.error_code))
    yield from (_failing(UNMODELLED), _unreachable, _late)
    if resource.service == "lambda":
        yield _function_error({"errorMessage": "none is named"})
        for name in FUNCTION_ERRORS:
            yield _function_error({"errorType": name, "errorMessage": "message"})
    if resource.service == "events":
        entry = {"ErrorCode": "InternalFailure", "ErrorMessage": "message"}
        yield lambda _: {"FailedEntryCount": 1, "Entries": [entry]}


def _operation(resource: TaskResource) -> str:
    return resource.action[:1].upper() + resource.action[1:]


@cache
def _raised_by(arn: str) -> frozenset[str]:
    """Return the names with which the local cloud's integration fails a task."""
    resource = TaskResource.parse(arn)
    integration = integration_for(resource)
    assert integration is not None
    operation = _operation(resource)
    answers: dict[str, Answer] = {}
    service = CLIENTS.get(resource.service, resource.service)
    fake = FakeClient(service, answers, [])
    model = fake.meta.service_model.operation_model(operation)
    found = set()
    for failure in _failures(resource, model):
        answers[f"{service}.{xform_name(operation)}"] = failure
        parameters = _sample(model.input_shape)
        call = TaskCall(
            resource, parameters, parameters, ROLE, MACHINE, "execution", "name", 0, is_repeat=False
        )
        with pytest.raises(ReportedError) as caught:
            integration.call(call, lambda *_: fake)
        found.add(caught.value.name)
    return frozenset(found)


def names_of(state: dict[str, Any]) -> frozenset[str]:
    """Return every name with which a state can fail, and `States.ALL`."""
    found = {"States.ALL"}
    if "TimeoutSeconds" in state:
        found.add("States.Timeout")
    if "ItemReader" in state:
        found.add("States.ItemReaderFailed")
    if "ResultWriter" in state:
        found.add("States.ResultWriterFailed")
    return _raised_by(state["Resource"]) | found if state["Type"] == "Task" else frozenset(found)


def _uses() -> Iterator[tuple[str, dict[str, Any], str, Any]]:
    """Yield every rule, or name of a policy, with its kind and the state that has it."""
    for file in FILES:
        for name, state in states_of(json.loads(file.read_text())):
            for kind in ("Retry", "Catch"):
                rules = state.get(kind, [])
                for rule in [rules] if isinstance(rules, str) else rules:
                    yield f"{file.name}: {name}", state, kind, rule


def test_every_name_that_a_state_writes_out_can_be_raised_by_its_integration() -> None:
    for where, state, _, rule in _uses():
        if isinstance(rule, dict):
            assert set(rule["ErrorEquals"]) <= names_of(state), where


def test_every_name_of_a_policy_can_be_raised_by_a_state_that_names_the_policy() -> None:
    policies = json.loads((FOLDER / POLICIES).read_text())
    raised: dict[tuple[str, str], set[str]] = {}
    for _, state, kind, rule in _uses():
        if isinstance(rule, str):
            raised.setdefault((kind, rule), set()).update(names_of(state))
    for (kind, policy), names in raised.items():
        assert set(policies[kind][policy]["ErrorEquals"]) <= names, f"{kind} {policy}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_task_retries_the_errors_that_pass(file: Path) -> None:
    for name, state in states_of(read_definition(file)):
        if state["Type"] == "Task":
            retried = {error for rule in state["Retry"] for error in rule["ErrorEquals"]}
            passing = TRANSIENT[TaskResource.parse(state["Resource"]).resource_type]
            assert passing <= retried, f"{name}: {passing - retried}"


def test_an_error_that_no_model_has_is_named_for_the_whole_service() -> None:
    training = _raised_by("arn:aws:states:::sagemaker:createTrainingJob.sync")
    assert training == {
        "SageMaker.AmazonSageMakerException",
        "SageMaker.ResourceInUseException",
        "SageMaker.ResourceLimitExceededException",
        "SageMaker.ResourceNotFoundException",
        "SageMaker.SdkClientException",
    }
    removal = _raised_by("arn:aws:states:::aws-sdk:sagemaker:deleteModel")
    assert removal == {"SageMaker.SageMakerException", "SageMaker.SdkClientException"}
