"""Tuning of a recipe on a stage: `headrace train --tune`.

The stage needs `Training=on`. Data and code are put where trainings read them. The state machine
`model-job` runs the tuning job; the results of its trials are read from SageMaker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.models import jobs
from infra.models.own_data import require_rows
from infra.models.training import StageTraining
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import TrialResult, TuningEffort, tuning_request
from models.training.job import decode_hyperparameters

_NAME = "HyperParameterTuningJobName"
_NOT_THERE = "ResourceNotFound"


class StageTuning(StageTraining):
    """Tunings of one stage."""

    def tune(
        self, wish: JobSpec, effort: TuningEffort, bases: Mapping[str, str] | None = None
    ) -> str:
        """Upload data and code, start the tuning, and return the execution's ARN.

        `bases` are as in `StageTraining.start`, and so are the errors: BadRecipe, BadData and
        ClientError.
        """
        require_rows(wish)
        wish, places = self.from_bases(wish, bases or {})
        given = {"tuning": tuning_request(wish, effort, places)}
        self.put(wish)
        return jobs.start_model_job(self._client, self.home, given)

    def follow_job(self, execution: str, look: Callable[[], object]) -> Mapping[str, Any]:
        """Wait for a tuning and return how it ended; call `look` while it runs."""
        return jobs.follow_model_job(self._client, execution, look)

    def outcomes(self, wish: JobSpec) -> list[TrialResult]:
        """Return the results so far of a tuning's trials, in the order in which they started.

        There are none before the machine has created the job, nor if it was refused. Raises
        ClientError.
        """
        try:
            return self._outcomes(wish)
        except ClientError as error:
            if error.response["Error"]["Code"] != _NOT_THERE:
                raise
            return []

    def _outcomes(self, wish: JobSpec) -> list[TrialResult]:
        sagemaker = self._client("sagemaker")
        pages = sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
        outcomes = []
        for page in pages.paginate(
            **{_NAME: wish.job_name}, SortBy="CreationTime", SortOrder="Ascending"
        ):
            for each in page["TrainingJobSummaries"]:
                job = sagemaker.describe_training_job(TrainingJobName=each["TrainingJobName"])
                outcomes.append(_outcome(each, job))
        return outcomes


def _outcome(listed: Mapping[str, Any], job: Mapping[str, Any]) -> TrialResult:
    final = listed.get("FinalHyperParameterTuningJobObjectiveMetric")
    started, ended = listed.get("TrainingStartTime"), listed.get("TrainingEndTime")
    return TrialResult(
        settings=decode_hyperparameters(listed["TunedHyperParameters"]),
        status=str(listed["TrainingJobStatus"]),
        value=float(final["Value"]) if final else None,
        numbers={
            each["MetricName"]: float(each["Value"]) for each in job.get("FinalMetricDataList", ())
        },
        seconds=(ended - started).total_seconds() if started and ended else None,
        reason=str(listed.get("FailureReason", "")),
    )
