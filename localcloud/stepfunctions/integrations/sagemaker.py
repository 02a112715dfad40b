"""`sagemaker:createTrainingJob` and its like: jobs of SageMaker's, begun or waited for.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""

from __future__ import annotations

from typing import Any

from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.integrations import calls
from localcloud.stepfunctions.integrations.contract import Clients, Request
from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps

_STYLE = calls.Style("SageMaker", "AmazonSageMaker", "AmazonSageMakerException", semicolons=True)
_TAKEN = "SageMaker.ResourceInUseException"
_GOES_ON = ("InProgress", "Stopping")
_KINDS = {
    "training-job": "TrainingJob",
    "hyper-parameter-tuning-job": "HyperParameterTuningJob",
    "processing-job": "ProcessingJob",
    "transform-job": "TransformJob",
}
"""What the API calls a kind of jobs, by what their ARNs do."""


class SageMakerJobs:
    """Begins a job of training, tuning, processing or transforming, and can wait for its end.

    A job is found by its name when the call is made again after a restart.
    """

    patterns = frozenset({Pattern.REQUEST, Pattern.JOB})

    def problem(self, resource: Resource) -> str | None:
        """Only the creation of jobs is there."""
        if resource.action in {f"create{kind}" for kind in _KINDS.values()}:
            return None
        return f"The local cloud has no sagemaker:{resource.action}; it works on AWS only"

    def call(self, request: Request, clients: Clients) -> Json:
        """Begin the job, or find the one that was begun before a restart."""
        client = clients("sagemaker", request.role_arn)
        kind = request.resource.action.removeprefix("create")
        try:
            return calls.optimised(client, _STYLE, f"Create{kind}", request.parameters)[1]
        except Stated as error:
            if error.name != _TAKEN or not request.again:
                raise
            shown = _described(client, kind, request.parameters[f"{kind}Name"])
            created = shown["CreationTime"]
            if not isinstance(created, int) or created < int(request.scheduled * 1000):
                raise
            return {f"{kind}Arn": shown[f"{kind}Arn"]}

    def job(self, output: Json) -> Json:
        """Return the job's kind and name, as the end of its ARN has them."""
        assert isinstance(output, dict)
        (arn,) = (value for name, value in output.items() if name.endswith("Arn"))
        return str(arn).split(":", 5)[5]

    def follow(self, pattern: Pattern, job: Json, role_arn: str, clients: Clients) -> Json:
        """Return what is said of the job once it has ended.

        A job that failed or was stopped fails the task with what is said of it as the cause.
        """
        kind, name = _parted(job)
        shown = _described(clients("sagemaker", role_arn), kind, name)
        status = shown[f"{kind}Status"]
        if status in _GOES_ON:
            return None
        if status != "Completed":
            raise Stated(errors.TASK_FAILED, dumps(shown))
        return shown

    def cancel(self, job: Json, role_arn: str, clients: Clients) -> None:
        """Stop the job."""
        client = clients("sagemaker", role_arn)
        kind, name = _parted(job)
        calls.optimised(client, _STYLE, f"Stop{kind}", {f"{kind}Name": name})


def _parted(job: Json) -> tuple[str, str]:
    """Return what the API calls a job's kind, and the job's name."""
    kind, _, name = str(job).partition("/")
    return _KINDS[kind], name


def _described(client: Any, kind: str, name: Json) -> JsonObject:
    result = calls.optimised(client, _STYLE, f"Describe{kind}", {f"{kind}Name": name})[1]
    hidden = ("SdkHttpMetadata", "SdkResponseMetadata")
    return {name: value for name, value in result.items() if name not in hidden}
