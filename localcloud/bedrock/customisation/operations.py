"""The operations on customisation jobs and custom models.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelCustomizationJob.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chalicelib.errors import InvalidInput
from chalicelib.generation.customisable import CustomisableModel, customisable_models
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.customisation.store import CustomisationJob, CustomisationStore
from localcloud.bedrock.resources import new_id
from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result

_UNSUPPORTED = ("vpcConfig", "customizationConfig", "customModelKmsKeyId")
_PAGE_SIZE = 100
_TOKEN = ("clientRequestToken",)
_SHOWN = ("customizationType", "trainingDataConfig", "validationDataConfig")


class CustomisationOperations:
    """The operations on customisation jobs and custom models."""

    def __init__(
        self,
        surroundings: CloudContext,
        store: CustomisationStore,
        check_role: Callable[[str], None],
        wake: Callable[[], None],
        interrupt: Callable[[str], None],
        remove: Callable[[str], None],
        require_idle: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Store jobs in `store`.

        `wake`, `interrupt` and `remove` tell the runner of new jobs, stopped ones, and those whose
        model was deleted. `require_idle` raises AwsError for one whose model may not be.
        """
        self._require_idle = require_idle
        self._surroundings = surroundings
        self._store = store
        self._check_role = check_role
        self._wake = wake
        self._interrupt = interrupt
        self._remove = remove

    def create_model_customization_job(self, params: Params) -> Result:
        """Create a job, which is durable when this returns. Raises AwsError."""
        for name in _UNSUPPORTED:
            if name in params:
                raise validation_error(f"The local cloud has no {name}; leave it out.")
        kind = params.get("customizationType", "FINE_TUNING")
        base = find_base(params["baseModelIdentifier"], kind, self._surroundings.region)
        try:
            settings = customisable_models().settings(params.get("hyperParameters", {}))
        except InvalidInput as error:
            raise validation_error(error.message) from error
        for location in _locations(params):
            if not location.startswith("s3://"):
                raise validation_error(f"{location} is no location in S3.")
        self._check_role(params["roleArn"])
        request = {name: value for name, value in params.items() if not name.endswith("Tags")}
        request |= {
            "customizationType": kind,
            "hyperParameters": dict(settings),
            "baseModelIdentifier": base.identifier,
        }
        job = self._store.add(new_id(), request)
        self._wake()
        return {"jobArn": self.job_arn(job)}

    def get_model_customization_job(self, params: Params) -> Result:
        """Return the description of a job."""
        job = self._store.job(params["jobIdentifier"])
        made = {"outputModelArn": self.model_arn(job)} if job.has_model else {}
        return {
            "jobArn": self.job_arn(job),
            "jobName": job.request["jobName"],
            "outputModelName": job.request["customModelName"],
            "roleArn": job.request["roleArn"],
            "status": job.status,
            **{name: job.request[name] for name in _TOKEN if name in job.request},
            **self._of_model(job),
            **made,
            "lastModifiedTime": utc(job.modified_at),
            **({"endTime": utc(job.ended_at)} if job.ended_at else {}),
            **({"failureMessage": job.message} if job.status == "Failed" else {}),
        }

    def list_model_customization_jobs(self, params: Params) -> Result:
        """List the jobs that match the filters, the newest first by default."""
        jobs = [
            job
            for job in self._store.jobs()
            if params.get("statusEquals", job.status) == job.status
            and params.get("nameContains", "") in job.request["jobName"]
        ]
        return _page(params, "modelCustomizationJobSummaries", jobs, self._job_summary)

    def stop_model_customization_job(self, params: Params) -> Result:
        """Stop a job in progress; it leaves no model."""
        job = self._store.job(params["jobIdentifier"])
        if not self._store.mark_stopping(job):
            raise AwsError(
                "ConflictException",
                f"The model customization job is {job.status} and can't be stopped.",
            )
        self._interrupt(job.id)
        self._wake()
        return {}

    def get_custom_model(self, params: Params) -> Result:
        """Return the description of a custom model."""
        job = self._store.model(params["modelIdentifier"])
        return {
            "modelArn": self.model_arn(job),
            "modelName": job.request["customModelName"],
            "jobArn": self.job_arn(job),
            "jobName": job.request["jobName"],
            "modelStatus": "Active",
            **self._of_model(job),
        }

    def list_custom_models(self, params: Params) -> Result:
        """List the custom models that match the filters, the newest first by default."""
        models = [
            job
            for job in self._store.jobs()
            if job.has_model
            and params.get("nameContains", "") in job.request["customModelName"]
            and params.get("baseModelArnEquals", self._base_arn(job)) == self._base_arn(job)
        ]
        return _page(params, "modelSummaries", models, self._model_summary)

    def delete_custom_model(self, params: Params) -> Result:
        """Delete a custom model that is not deployed."""
        job = self._store.model(params["modelIdentifier"])
        self._require_idle(job.id)
        self._store.delete_model(job)
        self._remove(job.id)
        return {}

    def job_arn(self, job: CustomisationJob) -> str:
        """Return the ARN of a job."""
        base = job.request["baseModelIdentifier"]
        return self._surroundings.arn("bedrock", f"model-customization-job/{base}/{job.id}")

    def model_arn(self, job: CustomisationJob) -> str:
        """Return the ARN of the model that a job makes."""
        base = job.request["baseModelIdentifier"]
        return self._surroundings.arn("bedrock", f"custom-model/{base}/{job.id}")

    def _of_model(self, job: CustomisationJob) -> dict[str, Any]:
        metrics = {name: value for name, value in job.metrics.items() if name == "trainingLoss"}
        return {
            **{name: job.request[name] for name in _SHOWN if name in job.request},
            "baseModelArn": self._base_arn(job),
            "hyperParameters": job.request["hyperParameters"],
            "outputDataConfig": job.request["outputDataConfig"],
            "creationTime": utc(job.created_at),
            **({"trainingMetrics": metrics} if metrics else {}),
        }

    def _job_summary(self, job: CustomisationJob) -> dict[str, Any]:
        made = {"customModelArn": self.model_arn(job)} if job.has_model else {}
        return {
            "jobArn": self.job_arn(job),
            "jobName": job.request["jobName"],
            "baseModelArn": self._base_arn(job),
            "status": job.status,
            "creationTime": utc(job.created_at),
            "lastModifiedTime": utc(job.modified_at),
            "customModelName": job.request["customModelName"],
            "customizationType": job.request["customizationType"],
            **({"endTime": utc(job.ended_at)} if job.ended_at else {}),
            **made,
        }

    def _model_summary(self, job: CustomisationJob) -> dict[str, Any]:
        return {
            "modelArn": self.model_arn(job),
            "modelName": job.request["customModelName"],
            "creationTime": utc(job.created_at),
            "baseModelArn": self._base_arn(job),
            "baseModelName": job.request["baseModelIdentifier"],
            "customizationType": job.request["customizationType"],
            "modelStatus": "Active",
        }

    def _base_arn(self, job: CustomisationJob) -> str:
        base = job.request["baseModelIdentifier"]
        return f"arn:aws:bedrock:{self._surroundings.region}::foundation-model/{base}"


def find_base(identifier: str, kind: str, region: str) -> CustomisableModel:
    """Return the base of a job, by its id or ARN.

    Raises ValidationException if Bedrock does not customise it so, or not in the region.
    """
    name = identifier.rpartition("foundation-model/")[2]
    known = {each.identifier: each for each in customisable_models().bases}
    base = known.get(name)
    if base is None:
        raise validation_error(
            f"The provided model {name} doesn't support model customization here; these do: "
            f"{', '.join(known)}."
        )
    if kind not in base.types:
        raise validation_error(f"{name} doesn't support {kind}; it does {', '.join(base.types)}.")
    if region not in base.regions:
        raise validation_error(
            f"{name} is customised in {', '.join(base.regions)}, and not in {region}."
        )
    return base


def _locations(params: Mapping[str, Any]) -> list[str]:
    if "s3Uri" not in params["trainingDataConfig"]:
        raise validation_error("trainingDataConfig has to name a location in S3, as s3Uri.")
    validators = params.get("validationDataConfig", {}).get("validators", [])
    return [
        params["trainingDataConfig"]["s3Uri"],
        params["outputDataConfig"]["s3Uri"],
        *(each["s3Uri"] for each in validators),
    ]


def _page(
    params: Params,
    name: str,
    found: list[CustomisationJob],
    shown: Callable[[CustomisationJob], dict[str, Any]],
) -> Result:
    if params.get("sortOrder", "Descending") == "Descending":
        found = found[::-1]
    token, size = params.get("nextToken", "0"), params.get("maxResults", _PAGE_SIZE)
    if not token.isdecimal():
        raise validation_error("The nextToken is not valid.")
    begin = int(token)
    more = {"nextToken": str(begin + size)} if len(found) > begin + size else {}
    return {name: [shown(each) for each in found[begin : begin + size]], **more}
