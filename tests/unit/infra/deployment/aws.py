"""AWS as the tests answer for it: real boto3 clients whose requests are checked by botocore, and
whose answers are given here, in the shapes that botocore's own models have.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.validate import ParamValidator

from infra.stages import Client

ACCOUNT = "123456789012"
REGION = "eu-central-1"
PRINCIPAL = f"arn:aws:iam::{ACCOUNT}:user/deployer"

Answer = Callable[[dict[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Refusal(Exception):  # noqa: N818 - it is raised in place of an answer
    """What AWS answers in place of a result."""

    code: str
    message: str = "refused"
    status: int = 400


def refuse(code: str, message: str = "refused", status: int = 400) -> Answer:
    """Return an answer that always refuses."""

    def answer(asked: dict[str, Any]) -> Mapping[str, Any]:
        raise Refusal(code, message, status)

    return answer


def fixed(**result: Any) -> Answer:
    """Return an answer that is always the same."""
    return lambda asked: result


NO_SERVICE_RESOURCES: dict[str, Answer] = {
    "bedrock.ListModelInvocationJobs": fixed(invocationJobSummaries=[]),
    "sagemaker.ListEndpointConfigs": fixed(EndpointConfigs=[]),
    "sagemaker.ListEndpoints": fixed(Endpoints=[]),
    "sagemaker.ListHyperParameterTuningJobs": fixed(HyperParameterTuningJobSummaries=[]),
    "sagemaker.ListModelPackageGroups": fixed(ModelPackageGroupSummaryList=[]),
    "sagemaker.ListModels": fixed(Models=[]),
    "sagemaker.ListProcessingJobs": fixed(ProcessingJobSummaries=[]),
    "sagemaker.ListTrainingJobs": fixed(TrainingJobSummaries=[]),
    "sagemaker.ListTransformJobs": fixed(TransformJobSummaries=[]),
    "secretsmanager.ListSecrets": fixed(SecretList=[]),
}
"""An account in which Bedrock, SageMaker and Secrets Manager have nothing."""


@dataclass(frozen=True, slots=True)
class _Http:
    status_code: int
    headers: Mapping[str, str] = field(default_factory=dict)


@functools.cache
def _session() -> boto3.Session:
    """One for all, since it reads the models of the services."""
    return boto3.Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")


class Aws:
    """Makes clients; `answers` are by service and operation, such as `sts.GetCallerIdentity`.

    What has no answer is refused by an AssertionError, or goes on to whatever stands behind
    boto3 (moto, say) if `behind` is true. `calls` are all operations that were asked for.
    """

    def __init__(self, answers: Mapping[str, Answer], *, behind: bool = False) -> None:
        self.answers = dict(answers)
        self.calls: list[str] = []
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._behind = behind
        self.client: Client = functools.cache(self._make)

    def _make(self, service: str) -> Any:
        client: Any = _session().client(  # type: ignore[call-overload]
            service, config=Config(retries={"total_max_attempts": 1})
        )
        client.meta.events.register_first("provide-client-params", self._note(service))
        client.meta.events.register_first("before-call", self._answer(service))
        return client

    def _note(self, service: str) -> Callable[..., None]:
        def note(params: dict[str, Any], model: Any, **rest: Any) -> None:
            name = f"{service}.{model.name}"
            self.calls.append(name)
            self.asked.append((name, dict(params)))

        return note

    def _answer(self, service: str) -> Callable[..., tuple[_Http, dict[str, Any]] | None]:
        def answer(model: Any, **rest: Any) -> tuple[_Http, dict[str, Any]] | None:
            name = f"{service}.{model.name}"
            given = self.answers.get(name)
            if given is None:
                assert self._behind, f"nobody answers {name}"
                return None
            try:
                result = dict(given(self.asked[-1][1]))
            except Refusal as refusal:
                error = {"Code": refusal.code, "Message": refusal.message}
                meta = {"HTTPStatusCode": refusal.status}
                return _Http(refusal.status), {"Error": error, "ResponseMetadata": meta}
            _check_shape(model, result)
            return _Http(200), {**result, "ResponseMetadata": {"HTTPStatusCode": 200}}

        return answer


def _check_shape(model: Any, result: Mapping[str, Any]) -> None:
    """Hold an answer to the shape that AWS's model gives it."""
    if model.output_shape is None:
        assert not result, f"{model.name} answers nothing"
        return
    known = set(model.output_shape.members)
    assert set(result) <= known, f"{model.name} has no {sorted(set(result) - known)}"
    report = ParamValidator().validate(dict(result), model.output_shape)
    assert not report.has_errors(), f"{model.name}: {report.generate_report()}"


def operation_exists(name: str) -> bool:
    """Say whether `service.Operation` is one that botocore knows."""
    service, _, operation = name.partition(".")
    model = botocore.session.get_session().get_service_model(service)
    return operation in model.operation_names
