"""The operations on import jobs and imported models.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_CreateModelImportJob.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chalicelib.errors import InvalidInput
from chalicelib.generation.importable import import_limits
from localcloud.bedrock.content import validation_error
from localcloud.bedrock.imports.store import ImportJob, ImportStore
from localcloud.bedrock.resources import check_resource_name, new_id
from localcloud.clock import utc
from localcloud.service import CloudContext, Params, Result

_KIND = "imported-model"
_JOB_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9+.-]{0,62}")
_UNSUPPORTED = ("vpcConfig", "importedModelKmsKeyId")


def is_imported(model_id: str) -> bool:
    """Return whether a model id is the ARN of an imported model."""
    return f":{_KIND}/" in model_id


class ImportOperations:
    """The operations on import jobs and imported models."""

    def __init__(
        self,
        surroundings: CloudContext,
        store: ImportStore,
        check_role: Callable[[str], None],
        wake: Callable[[], None],
        remove: Callable[[str], None],
    ) -> None:
        """Store jobs in `store`; `wake` and `remove` tell the runner of jobs and deleted models."""
        self._surroundings = surroundings
        self._store = store
        self._check_role = check_role
        self._wake = wake
        self._remove = remove

    def create_model_import_job(self, params: Params) -> Result:
        """Create a job, which is durable when this returns. Raises AwsError."""
        for name in _UNSUPPORTED:
            if name in params:
                raise validation_error(f"The local cloud has no {name}; leave it out.")
        check_resource_name("importedModelName", params["importedModelName"])
        if not _JOB_NAME.fullmatch(params["jobName"]):
            raise validation_error(f"jobName has to satisfy the pattern {_JOB_NAME.pattern}.")
        limits = import_limits()
        try:
            limits.check_region(self._surroundings.region)
        except InvalidInput as error:
            raise validation_error(error.message) from error
        source = params["modelDataSource"].get("s3DataSource")
        if source is None or not source["s3Uri"].startswith("s3://"):
            raise validation_error("modelDataSource has to name a folder in S3, as s3DataSource.")
        self._check_role(params["roleArn"])
        request = {name: value for name, value in params.items() if not name.endswith("Tags")}
        job = self._store.add(new_id(), request, limits.max_models)
        self._wake()
        return {"jobArn": self._job_arn(job)}

    def get_model_import_job(self, params: Params) -> Result:
        """Return the description of a job."""
        job = self._store.job(params["jobIdentifier"])
        made = {"importedModelArn": self.model_arn(job)} if job.has_model else {}
        return {
            "jobArn": self._job_arn(job),
            "jobName": job.request["jobName"],
            "importedModelName": job.request["importedModelName"],
            "roleArn": job.request["roleArn"],
            "modelDataSource": job.request["modelDataSource"],
            "status": job.status,
            "creationTime": utc(job.created_at),
            "lastModifiedTime": utc(job.modified_at),
            **made,
            **({"endTime": utc(job.ended_at)} if job.ended_at else {}),
            **({"failureMessage": job.message} if job.message else {}),
        }

    def list_model_import_jobs(self, params: Params) -> Result:
        """List the jobs that match the filters, the newest first."""
        found = [
            job
            for job in reversed(self._store.jobs())
            if params.get("statusEquals", job.status) == job.status
            and params.get("nameContains", "") in job.request["jobName"]
        ]
        shown = [
            {
                "jobArn": self._job_arn(job),
                "jobName": job.request["jobName"],
                "status": job.status,
                "creationTime": utc(job.created_at),
                "lastModifiedTime": utc(job.modified_at),
                "importedModelName": job.request["importedModelName"],
            }
            for job in found[: params.get("maxResults", len(found))]
        ]
        return {"modelImportJobSummaries": shown}

    def get_imported_model(self, params: Params) -> Result:
        """Return the description of an imported model."""
        job = self._store.model(params["modelIdentifier"])
        return {
            **self._summary(job),
            "jobName": job.request["jobName"],
            "jobArn": self._job_arn(job),
            "modelDataSource": job.request["modelDataSource"],
            "customModelUnits": {
                "customModelUnitsPerModelCopy": 1,
                "customModelUnitsVersion": "v1.0",
            },
        }

    def list_imported_models(self, params: Params) -> Result:
        """List the imported models that match the filters, the newest first."""
        found = [
            self._summary(job)
            for job in reversed(self._store.jobs())
            if job.has_model and params.get("nameContains", "") in job.request["importedModelName"]
        ]
        return {"modelSummaries": found[: params.get("maxResults", len(found))]}

    def delete_imported_model(self, params: Params) -> Result:
        """Delete an imported model; calls of it are refused from then on."""
        job = self._store.model(params["modelIdentifier"])
        self._store.delete_model(job)
        self._remove(job.id)
        return {}

    def model_arn(self, job: ImportJob) -> str:
        """Return the ARN of the model that a job makes."""
        return self._surroundings.arn("bedrock", f"{_KIND}/{job.id}")

    def _job_arn(self, job: ImportJob) -> str:
        return self._surroundings.arn("bedrock", f"model-import-job/{job.id}")

    def _summary(self, job: ImportJob) -> dict[str, Any]:
        return {
            "modelArn": self.model_arn(job),
            "modelName": job.request["importedModelName"],
            "creationTime": utc(job.ended_at or job.created_at),
            "instructSupported": True,
            "modelArchitecture": job.architecture,
        }
