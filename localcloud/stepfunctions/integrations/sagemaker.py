"""`sagemaker:createTrainingJob`: training jobs, begun or waited for.

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


class TrainingJobs:
    """Begins a training job, and can wait for its end.

    A job is found by its name when the call is made again after a restart.
    """

    patterns = frozenset({Pattern.REQUEST, Pattern.JOB})

    def problem(self, resource: Resource) -> str | None:
        """Only `createTrainingJob` is there."""
        if resource.action == "createTrainingJob":
            return None
        return f"The local cloud has no sagemaker:{resource.action}; it works on AWS only"

    def call(self, request: Request, clients: Clients) -> Json:
        """Begin the job, or find the one that was begun before a restart."""
        client = clients("sagemaker", request.role_arn)
        try:
            return calls.optimised(client, _STYLE, "CreateTrainingJob", request.parameters)[1]
        except Stated as error:
            if error.name != _TAKEN or not request.again:
                raise
            shown = _described(client, request.parameters["TrainingJobName"])
            created = shown["CreationTime"]
            if not isinstance(created, int) or created < int(request.scheduled * 1000):
                raise
            return {"TrainingJobArn": shown["TrainingJobArn"]}

    def job(self, output: Json) -> Json:
        """Return the job's name, as its ARN has it."""
        assert isinstance(output, dict)
        return str(output["TrainingJobArn"]).rpartition("/")[2]

    def follow(self, pattern: Pattern, job: Json, role_arn: str, clients: Clients) -> Json:
        """Return what DescribeTrainingJob says once the job has ended.

        A job that failed or was stopped fails the task with what is said of it as the cause.
        """
        shown = _described(clients("sagemaker", role_arn), job)
        status = shown["TrainingJobStatus"]
        if status in _GOES_ON:
            return None
        if status != "Completed":
            raise Stated(errors.TASK_FAILED, dumps(shown))
        return shown

    def cancel(self, job: Json, role_arn: str, clients: Clients) -> None:
        """Stop the job."""
        client = clients("sagemaker", role_arn)
        calls.optimised(client, _STYLE, "StopTrainingJob", {"TrainingJobName": job})


def _described(client: Any, job: Json) -> JsonObject:
    result = calls.optimised(client, _STYLE, "DescribeTrainingJob", {"TrainingJobName": job})[1]
    hidden = ("SdkHttpMetadata", "SdkResponseMetadata")
    return {name: value for name, value in result.items() if name not in hidden}
