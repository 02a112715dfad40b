"""Tuning jobs: made, described, listed, stopped, and their training jobs listed.

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
from localcloud.sagemaker.jobs.record import Job, Jobs
from localcloud.sagemaker.listing import listed
from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.training.jobs import TrainingOperations
from localcloud.sagemaker.tuning.checks import check
from localcloud.sagemaker.tuning.keeping import Tuner, Tuning
from localcloud.sagemaker.tuning.trials import Trial, best, fixed, name_of, request
from localcloud.service import CloudContext, Params, Result

NAME = "HyperParameterTuningJobName"
_NOT_OF_LISTS = ("LastModifiedTimeBefore", "LastModifiedTimeAfter")


@dataclass(frozen=True, slots=True)
class _Listed:
    """A trial as lists take it."""

    name: str
    created_at: float
    trial: Trial


class TuningOperations:
    """Tuning jobs."""

    def __init__(
        self, surroundings: CloudContext, jobs: Jobs, training: TrainingOperations
    ) -> None:
        """Keep tunings in `jobs`; their trials are those of `training`."""
        self._surroundings = surroundings
        self._jobs = jobs
        self._training = training
        self.tuner = Tuner(jobs, training, self._arn)

    def create_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """Keep a tuning and begin it. Raises AwsError for what could not run here."""
        name = params[NAME]
        check(params)
        self._training.check(request(params, self._arn(name), name_of(name, 1), {}))
        if not self._jobs.add("tuning", name, dict(params)):
            message = f"Tuning job names must be unique: {self._arn(name)} exists."
            raise AwsError("ResourceInUse", message)
        self.tuner.ring()
        return {"HyperParameterTuningJobArn": self._arn(name)}

    def describe_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """Describe a tuning, with its counters and its best trial."""
        tuning = self._found(params[NAME])
        asked = {name: value for name, value in tuning.job.asked.items() if name != "Tags"}
        winner = best(tuning.trials, tuning.objective)
        return {
            **asked,
            "TrainingJobDefinition": {
                **asked["TrainingJobDefinition"],
                "StaticHyperParameters": fixed(asked),
            },
            **self._shown(tuning),
            **({"BestTrainingJob": self._trial(tuning, winner)} if winner else {}),
            **({"FailureReason": tuning.job.reason} if tuning.job.reason else {}),
        }

    def list_hyper_parameter_tuning_jobs(self, params: Params) -> Result:
        """List tunings, newest first unless asked otherwise."""
        refuse(params, _NOT_OF_LISTS)
        wanted = params.get("StatusEquals")
        found = [each for each in self._jobs.all("tuning") if wanted in (None, each.status)]
        return listed(params, "HyperParameterTuningJobSummaries", found, self._summary)

    def list_training_jobs_for_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """List the training jobs of a tuning by name, unless asked otherwise.

        By the objective's value those that have none are left out, as on AWS.
        """
        tuning, wanted = self._found(params[NAME]), params.get("StatusEquals")
        found = [
            _Listed(each.name, each.job.created_at, each)
            for each in tuning.trials
            if each.job is not None and wanted in (None, each.job.status)
        ]
        by = params.get("SortBy", "Name")
        if by == "FinalObjectiveMetricValue":
            valued = [(each.trial.value, each) for each in found if each.trial.value is not None]
            found = [each for _, each in sorted(valued, key=lambda pair: pair[0])]
        return listed(
            {**params, "SortBy": by, "SortOrder": params.get("SortOrder", "Ascending")},
            "TrainingJobSummaries",
            found,
            lambda each: self._trial(tuning, each.trial),
        )

    def stop_hyper_parameter_tuning_job(self, params: Params) -> Result:
        """Let a tuning end: the trials in progress are stopped, and no more are begun."""
        tuning = self._found(params[NAME])
        if not self._jobs.begin_to_stop("tuning", tuning.job.name):
            raise invalid(
                f"The request was rejected because the tuning job is in status {tuning.job.status}."
            )
        self.tuner.ring()
        return {}

    def _found(self, name: str) -> Tuning:
        found = self._jobs.get("tuning", name)
        if found is None:
            raise AwsError("ResourceNotFound", f"Could not find tuning job {name}.")
        return self.tuner.look(found)

    def _arn(self, name: str) -> str:
        return self._surroundings.arn("sagemaker", f"hyper-parameter-tuning-job/{name.lower()}")

    def _summary(self, job: Job) -> dict[str, Any]:
        tuning = self.tuner.look(job)
        return {
            **self._shown(tuning),
            "Strategy": tuning.config["Strategy"],
            "ResourceLimits": tuning.config["ResourceLimits"],
        }

    def _shown(self, tuning: Tuning) -> dict[str, Any]:
        job = tuning.job
        objectives = Counter(each.objective_status for each in tuning.trials)
        return {
            NAME: job.name,
            "HyperParameterTuningJobArn": self._arn(job.name),
            "HyperParameterTuningJobStatus": job.status,
            "CreationTime": utc(job.created_at),
            "LastModifiedTime": utc(job.modified_at),
            **({"HyperParameterTuningEndTime": utc(job.ended_at)} if job.ended_at else {}),
            "TrainingJobStatusCounters": _counters(tuning),
            "ObjectiveStatusCounters": {
                name: objectives[name] for name in ("Succeeded", "Pending", "Failed")
            },
        }

    def _trial(self, tuning: Tuning, trial: Trial) -> dict[str, Any]:
        job = trial.job
        assert job is not None
        started = {"TrainingStartTime": utc(job.started_at)} if job.started_at else {}
        ended = {"TrainingEndTime": utc(job.ended_at)} if job.ended_at else {}
        final = {}
        if trial.value is not None:
            final = {
                "FinalHyperParameterTuningJobObjectiveMetric": {
                    "Type": tuning.objective.kind,
                    "MetricName": trial.metric,
                    "Value": trial.value,
                }
            }
        return {
            "TrainingJobName": trial.name,
            "TrainingJobArn": self._training.arn(trial.name),
            "TuningJobName": tuning.job.name,
            "CreationTime": utc(job.created_at),
            **started,
            **ended,
            "TrainingJobStatus": job.status,
            "TunedHyperParameters": dict(trial.tuned),
            **({"FailureReason": job.reason} if job.reason else {}),
            **final,
            "ObjectiveStatus": trial.objective_status,
        }


def _counters(tuning: Tuning) -> Mapping[str, int]:
    """Return how many trials are in which status; one that failed is not tried again here."""
    statuses = Counter("InProgress" if each.going else _status(each) for each in tuning.trials)
    return {
        "Completed": statuses["Completed"],
        "InProgress": statuses["InProgress"],
        "RetryableError": 0,
        "NonRetryableError": statuses["Failed"],
        "Stopped": statuses["Stopped"],
    }


def _status(trial: Trial) -> str:
    assert trial.job is not None
    return trial.job.status
