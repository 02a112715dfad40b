"""`sagemaker:createTrainingJob` and the other jobs of SageMaker.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

from typing import Any

from localcloud.stepfunctions.integrations import botocore_calls
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    IntegrationPattern,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

_STYLE = botocore_calls.ErrorStyle(
    "SageMaker", "AmazonSageMaker", "AmazonSageMakerException", semicolons=True
)
_NAME_IN_USE = "SageMaker.ResourceInUseException"
_RUNNING_STATUSES = ("InProgress", "Stopping")
_KINDS = {
    "training-job": "TrainingJob",
    "hyper-parameter-tuning-job": "HyperParameterTuningJob",
    "processing-job": "ProcessingJob",
    "transform-job": "TransformJob",
}
"""The API's name of each kind of job, by its name in ARNs."""


class SageMakerJobIntegration:
    """Starts a training, tuning, processing or transform job, and can wait for its end.

    A call repeated after a restart finds the job by its name.
    """

    patterns = frozenset({IntegrationPattern.REQUEST, IntegrationPattern.JOB})

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return an error for any action but the creation of jobs, or None."""
        if resource.action in {f"create{kind}" for kind in _KINDS.values()}:
            return None
        return f"The local cloud has no sagemaker:{resource.action}; it works on AWS only"

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Start the job, or find the one that was started before a restart."""
        client = clients("sagemaker", request.role_arn)
        kind = request.resource.action.removeprefix("create")
        try:
            return botocore_calls.call_optimised(
                client, _STYLE, f"Create{kind}", request.parameters
            )[1]
        except ReportedError as error:
            if error.name != _NAME_IN_USE or not request.is_repeat:
                raise
            shown = _describe(client, kind, request.parameters[f"{kind}Name"])
            created = shown["CreationTime"]
            if not isinstance(created, int) or created < int(request.scheduled * 1000):
                raise
            return {f"{kind}Arn": shown[f"{kind}Arn"]}

    def job(self, output: Json) -> Json:
        """Return the job's kind and name, as the end of its ARN has them."""
        assert isinstance(output, dict)
        (arn,) = (value for name, value in output.items() if name.endswith("Arn"))
        return str(arn).split(":", 5)[5]

    def poll(
        self, pattern: IntegrationPattern, job: Json, role_arn: str, clients: ClientFactory
    ) -> Json:
        """Return the description of the job once it has ended, else None.

        A job that failed or was stopped fails the task with its description as the cause.
        """
        kind, name = _parse_job(job)
        shown = _describe(clients("sagemaker", role_arn), kind, name)
        status = shown[f"{kind}Status"]
        if status in _RUNNING_STATUSES:
            return None
        if status != "Completed":
            raise ReportedError(errors.TASK_FAILED, dumps(shown))
        return shown

    def cancel(self, job: Json, role_arn: str, clients: ClientFactory) -> None:
        """Stop the job."""
        client = clients("sagemaker", role_arn)
        kind, name = _parse_job(job)
        botocore_calls.call_optimised(client, _STYLE, f"Stop{kind}", {f"{kind}Name": name})


def _parse_job(job: Json) -> tuple[str, str]:
    """Return the API's name of a job's kind, and the job's name."""
    kind, _, name = str(job).partition("/")
    return _KINDS[kind], name


def _describe(client: Any, kind: str, name: Json) -> JsonObject:
    result = botocore_calls.call_optimised(
        client, _STYLE, f"Describe{kind}", {f"{kind}Name": name}
    )[1]
    hidden = ("SdkHttpMetadata", "SdkResponseMetadata")
    return {name: value for name, value in result.items() if name not in hidden}
