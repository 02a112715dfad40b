"""The operations on hyperparameter tuning jobs.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ListTrainingJobsForHyperParameterTuningJob.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.sagemaker.jobs.store import JobStore, SageMakerJob
from localcloud.sagemaker.requests import check_unsupported, list_page, validation_error
from localcloud.sagemaker.training.operations import TrainingOperations
from localcloud.sagemaker.tuning.tuned_jobs import (
    TunedJob,
    best_job,
    static_hyperparameters,
    training_job_name,
    training_job_request,
)
from localcloud.sagemaker.tuning.tuner import Tuner, TuningState
from localcloud.sagemaker.tuning.validation import check_request
from localcloud.service import CloudContext, Params, Result

JOB_NAME = "HyperParameterTuningJobName"
_UNSUPPORTED_IN_LIST = ("LastModifiedTimeBefore", "LastModifiedTimeAfter")


@dataclass(frozen=True, slots=True)
class _ListedJob:
    """A training job of a tuning job in a list."""

    name: str
    created_at: float
    tuned_job: TunedJob


class TuningOperations:
    """The operations on hyperparameter tuning jobs."""

    def __init__(
        self, surroundings: CloudContext, jobs: JobStore, training: TrainingOperations
    ) -> None:
        """Store tuning jobs in `jobs`; their training jobs are created by `training`."""
        self._surroundings = surroundings
        self._jobs = jobs
        self._training = training
        self.tuner = Tuner(jobs, training, self._arn)

    def create_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """Create a tuning job and start it. Raises AwsError if it could not run here."""
        name = params[JOB_NAME]
        check_request(params)
        self._training.check(
            training_job_request(params, self._arn(name), training_job_name(name, 1), {})
        )
        if not self._jobs.add("tuning", name, dict(params)):
            message = f"Tuning job names must be unique: {self._arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        self.tuner.wake()
        return {"HyperParameterTuningJobArn": self._arn(name)}

    def describe_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """Return the description of a tuning job, with counters and the best training job."""
        tuning = self._load(params[JOB_NAME])
        request = {name: value for name, value in tuning.job.request.items() if name != "Tags"}
        best = best_job(tuning.training_jobs, tuning.objective)
        return {
            **request,
            "TrainingJobDefinition": {
                **request["TrainingJobDefinition"],
                "StaticHyperParameters": static_hyperparameters(request),
            },
            **self._describe(tuning),
            **({"BestTrainingJob": self._describe_job(tuning, best)} if best else {}),
            **({"FailureReason": tuning.job.reason} if tuning.job.reason else {}),
        }

    def list_hyper_parameter_tuning_jobs(self, params: Params) -> Result:
        """List tuning jobs, newest first by default."""
        check_unsupported(params, _UNSUPPORTED_IN_LIST)
        status = params.get("StatusEquals")
        jobs = [each for each in self._jobs.all("tuning") if status in (None, each.status)]
        return list_page(params, "HyperParameterTuningJobSummaries", jobs, self._summary)

    def list_training_jobs_for_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """List the training jobs of a tuning job, by name by default.

        If ordered by the objective's value, those without a value are left out, as on AWS.
        """
        tuning, status = self._load(params[JOB_NAME]), params.get("StatusEquals")
        entries = [
            _ListedJob(each.name, each.record.created_at, each)
            for each in tuning.training_jobs
            if each.record is not None and status in (None, each.record.status)
        ]
        sort_by = params.get("SortBy", "Name")
        if sort_by == "FinalObjectiveMetricValue":
            with_value = [
                (each.tuned_job.objective_value, each)
                for each in entries
                if each.tuned_job.objective_value is not None
            ]
            entries = [each for _, each in sorted(with_value, key=lambda pair: pair[0])]
        return list_page(
            {**params, "SortBy": sort_by, "SortOrder": params.get("SortOrder", "Ascending")},
            "TrainingJobSummaries",
            entries,
            lambda each: self._describe_job(tuning, each.tuned_job),
        )

    def stop_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """Stop a tuning job: running training jobs are stopped, and no further ones start."""
        tuning = self._load(params[JOB_NAME])
        if not self._jobs.mark_stopping("tuning", tuning.job.name):
            raise validation_error(
                f"The request was rejected because the tuning job is in status {tuning.job.status}."
            )
        self.tuner.wake()
        return {}

    def _load(self, name: str) -> TuningState:
        job = self._jobs.get("tuning", name)
        if job is None:
            raise AwsError("ResourceNotFound", f"Could not find tuning job {name}.")
        return self.tuner.load(job)

    def _arn(self, name: str) -> str:
        return self._surroundings.arn("sagemaker", f"hyper-parameter-tuning-job/{name.lower()}")

    def _summary(self, job: SageMakerJob) -> dict[str, Any]:
        tuning = self.tuner.load(job)
        return {
            **self._describe(tuning),
            "Strategy": tuning.config["Strategy"],
            "ResourceLimits": tuning.config["ResourceLimits"],
        }

    def _describe(self, tuning: TuningState) -> dict[str, Any]:
        job = tuning.job
        objectives = Counter(each.objective_status for each in tuning.training_jobs)
        return {
            JOB_NAME: job.name,
            "HyperParameterTuningJobArn": self._arn(job.name),
            "HyperParameterTuningJobStatus": job.status,
            "CreationTime": utc(job.created_at),
            "LastModifiedTime": utc(job.modified_at),
            **({"HyperParameterTuningEndTime": utc(job.ended_at)} if job.ended_at else {}),
            "TrainingJobStatusCounters": _status_counters(tuning),
            "ObjectiveStatusCounters": {
                name: objectives[name] for name in ("Succeeded", "Pending", "Failed")
            },
        }

    def _describe_job(self, tuning: TuningState, tuned_job: TunedJob) -> dict[str, Any]:
        record = tuned_job.record
        assert record is not None
        started = {"TrainingStartTime": utc(record.started_at)} if record.started_at else {}
        ended = {"TrainingEndTime": utc(record.ended_at)} if record.ended_at else {}
        final = {}
        if tuned_job.objective_value is not None:
            final = {
                "FinalHyperParameterTuningJobObjectiveMetric": {
                    "Type": tuning.objective.kind,
                    "MetricName": tuned_job.metric,
                    "Value": tuned_job.objective_value,
                }
            }
        return {
            "TrainingJobName": tuned_job.name,
            "TrainingJobArn": self._training.arn(tuned_job.name),
            "TuningJobName": tuning.job.name,
            "CreationTime": utc(record.created_at),
            **started,
            **ended,
            "TrainingJobStatus": record.status,
            "TunedHyperParameters": dict(tuned_job.settings),
            **({"FailureReason": record.reason} if record.reason else {}),
            **final,
            "ObjectiveStatus": tuned_job.objective_status,
        }


def _status_counters(tuning: TuningState) -> Mapping[str, int]:
    """Return the number of training jobs by status; failed ones are not retried here."""
    statuses = Counter(
        "InProgress" if each.is_running else _job_status(each) for each in tuning.training_jobs
    )
    return {
        "Completed": statuses["Completed"],
        "InProgress": statuses["InProgress"],
        "RetryableError": 0,
        "NonRetryableError": statuses["Failed"],
        "Stopped": statuses["Stopped"],
    }


def _job_status(tuned_job: TunedJob) -> str:
    assert tuned_job.record is not None
    return tuned_job.record.status
