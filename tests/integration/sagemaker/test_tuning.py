"""Tuning jobs through boto3: real training jobs, chosen settings, counters, and how they end.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeHyperParameterTuningJob.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import BUCKET, Bench, eventually
from tests.integration.sagemaker.test_training import (
    code,
    described,
    log_of,
    unpacked,
)
from tests.integration.sagemaker.test_training import (
    request as training_request,
)

PROGRAM = """
import json, os, sys, time
from pathlib import Path
root = Path(os.environ["HEADRACE_ML_ROOT"])
asked = json.loads((root / "input/config/hyperparameters.json").read_text())
seen = json.loads(os.environ["SM_HPS"])
assert asked["_tuning_objective_metric"] == "error" and "_tuning_objective_metric" not in seen
kept, name = root / "checkpoints" / "at", os.environ["TRAINING_JOB_NAME"]
assert not kept.exists() or kept.read_text() == name, "another trial's checkpoint"
kept.write_text(name)
time.sleep(float(asked.get("seconds", "0")))
if asked["kind"] == asked.get("fail"):
    (root / "output" / "failure").write_text("This kind cannot be.")
    sys.exit(3)
error = (float(asked.get("rate", "0.5")) - 0.3) ** 2 + {"a": 0.5, "b": 0.0, "c": 1.0}[asked["kind"]]
if not asked.get("silent"):
    print(f"metric:error=9;\\nmetric:error={error:.6f};", flush=True)
(root / "model" / "told.json").write_text(json.dumps(asked))
"""
KINDS = {"Name": "kind", "Values": ["a", "b", "c"]}
RATES = {"Name": "rate", "MinValue": "0", "MaxValue": "1", "ScalingType": "Linear"}


def request(
    bench: Bench, name: str, strategy: str = "Grid", static: Any = None, **limits: int
) -> dict[str, Any]:
    asked = training_request(bench, name)
    bench.put("code/source.tar.gz", code(PROGRAM))
    for each in ("TrainingJobName", "HyperParameters"):
        given = asked.pop(each)
    ranges: dict[str, Any] = {"CategoricalParameterRanges": [KINDS]}
    if strategy != "Grid":
        ranges["ContinuousParameterRanges"] = [RATES]
    metrics = [{"Name": "error", "Regex": r"metric:error=([0-9.]+);"}]
    asked["AlgorithmSpecification"]["MetricDefinitions"] = metrics
    return {
        "HyperParameterTuningJobName": name,
        "HyperParameterTuningJobConfig": {
            "Strategy": strategy,
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "error"},
            "ResourceLimits": {"MaxParallelTrainingJobs": 2, **limits},
            "ParameterRanges": ranges,
            "RandomSeed": 7,
        },
        "TrainingJobDefinition": {**asked, "StaticHyperParameters": {**given, **(static or {})}},
    }


def told(bench: Bench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.sagemaker.describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name
    )
    return found


def trials(bench: Bench, name: str, **more: Any) -> list[dict[str, Any]]:
    listing = bench.sagemaker.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job")
    pages = listing.paginate(HyperParameterTuningJobName=name, **more)
    return [each for page in pages for each in page["TrainingJobSummaries"]]


def ended(bench: Bench, name: str) -> dict[str, Any]:
    def done() -> Any:
        found = told(bench, name)
        return (
            found["HyperParameterTuningJobStatus"] in ("Completed", "Failed", "Stopped") and found
        )

    found: dict[str, Any] = eventually(done, 60)
    return found


def test_a_grid_should_try_every_combination_and_find_the_best(bench: Bench) -> None:
    made = bench.sagemaker.create_hyper_parameter_tuning_job(**request(bench, "grid"))
    found = ended(bench, "grid")
    assert found["HyperParameterTuningJobArn"] == made["HyperParameterTuningJobArn"]
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"] == {
        "Completed": 3,
        "InProgress": 0,
        "RetryableError": 0,
        "NonRetryableError": 0,
        "Stopped": 0,
    }
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 3, "Pending": 0, "Failed": 0}
    best = found["BestTrainingJob"]
    assert best["TunedHyperParameters"] == {"kind": "b"}
    final = best["FinalHyperParameterTuningJobObjectiveMetric"]
    assert (final["MetricName"], final["Value"]) == ("error", pytest.approx(0.04))
    tried = trials(bench, "grid", PaginationConfig={"PageSize": 2})
    assert [each["TunedHyperParameters"]["kind"] for each in tried] == ["a", "b", "c"]
    by_value = trials(bench, "grid", SortBy="FinalObjectiveMetricValue", SortOrder="Ascending")
    assert [each["TunedHyperParameters"]["kind"] for each in by_value] == ["b", "a", "c"]
    job = described(bench, best["TrainingJobName"])
    assert job["TuningJobArn"] == found["HyperParameterTuningJobArn"]
    left = unpacked(bench, job["ModelArtifacts"]["S3ModelArtifacts"])["told.json"]
    assert json.loads(left)["kind"] == "b"
    at = f"s3://{BUCKET}/checkpoints/grid/{best['TrainingJobName']}/at"
    assert bench.there(at) == best["TrainingJobName"].encode()


@pytest.mark.parametrize(("strategy", "count"), [("Random", 3), ("Bayesian", 6)])
def test_chosen_settings_should_lie_in_their_ranges_and_be_the_same_again(
    bench: Bench, strategy: str, count: int
) -> None:
    for name in ("one", "two"):
        asked = request(bench, name, strategy, MaxNumberOfTrainingJobs=count)
        asked["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxParallelTrainingJobs"] = 1
        bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
        assert ended(bench, name)["ObjectiveStatusCounters"]["Succeeded"] == count
    one, two = (
        [each["TunedHyperParameters"] for each in trials(bench, name)] for name in ("one", "two")
    )
    assert one == two
    assert len({each["rate"] for each in one}) == count
    assert all(0 <= float(each["rate"]) <= 1 and each["kind"] in "abc" for each in one)


def test_no_more_trials_should_be_in_progress_than_may_be(bench: Bench) -> None:
    asked = request(bench, "many", "Random", {"seconds": "0.2"}, MaxNumberOfTrainingJobs=5)
    bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
    most = 0

    def over() -> bool:
        nonlocal most
        found = told(bench, "many")
        most = max(most, found["TrainingJobStatusCounters"]["InProgress"])
        return bool(found["HyperParameterTuningJobStatus"] == "Completed")

    eventually(over, 60)
    assert most == 2
    assert len(trials(bench, "many")) == 5


def test_a_trial_that_fails_should_be_counted_and_told_and_not_end_the_tuning(bench: Bench) -> None:
    bench.sagemaker.create_hyper_parameter_tuning_job(**request(bench, "one", static={"fail": "b"}))
    found = ended(bench, "one")
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["TrainingJobStatusCounters"]["NonRetryableError"] == 1
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 2, "Pending": 0, "Failed": 1}
    assert found["BestTrainingJob"]["TunedHyperParameters"] == {"kind": "a"}
    (failed,) = trials(bench, "one", StatusEquals="Failed")
    assert "This kind cannot be." in failed["FailureReason"]
    assert failed["ObjectiveStatus"] == "Failed"


def test_a_tuning_without_any_value_should_fail_and_say_why(bench: Bench) -> None:
    asked = request(bench, "mute", "Random", {"silent": "yes"}, MaxNumberOfTrainingJobs=50)
    bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
    found = ended(bench, "mute")
    assert found["HyperParameterTuningJobStatus"] == "Failed"
    assert "No training job succeeded after" in found["FailureReason"]
    assert "without error" in found["FailureReason"]
    assert 5 <= len(trials(bench, "mute")) <= 7
    assert "BestTrainingJob" not in found


def test_a_tuning_should_stop_its_trials_and_begin_no_more(bench: Bench) -> None:
    asked = request(bench, "long", "Random", {"seconds": "60"}, MaxNumberOfTrainingJobs=9)
    bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
    eventually(lambda: told(bench, "long")["TrainingJobStatusCounters"]["InProgress"] == 2)
    bench.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="long")
    found = ended(bench, "long")
    assert found["HyperParameterTuningJobStatus"] == "Stopped"
    assert found["TrainingJobStatusCounters"]["Stopped"] == 2
    assert len(trials(bench, "long")) == 2
    with pytest.raises(ClientError, match="the tuning job is in status Stopped"):
        bench.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName="long")


@pytest.mark.parametrize(
    ("criteria", "most"),
    [
        ({"TargetObjectiveMetricValue": 2.0}, 3),
        ({"BestObjectiveNotImproving": {"MaxNumberOfTrainingJobsNotImproving": 3}}, 25),
    ],
)
def test_a_tuning_should_end_when_it_is_good_enough(
    bench: Bench, criteria: dict[str, Any], most: int
) -> None:
    asked = request(bench, "enough", "Random", MaxNumberOfTrainingJobs=40)
    asked["HyperParameterTuningJobConfig"]["TuningJobCompletionCriteria"] = criteria
    bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
    found = ended(bench, "enough")
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert 1 <= len(trials(bench, "enough")) <= most


def test_a_tuning_should_go_on_where_a_closed_cloud_left_it(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    asked = request(bench, "left", "Bayesian", {"seconds": "0.3"}, MaxNumberOfTrainingJobs=6)
    bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
    eventually(lambda: told(bench, "left")["ObjectiveStatusCounters"]["Succeeded"] >= 2)
    before = trials(bench, "left")
    again = make_bench()
    found = ended(again, "left")
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    after = trials(again, "left")
    assert len(after) == 6
    kept = {each["TrainingJobName"]: each["TunedHyperParameters"] for each in after}
    for each in before:
        assert kept[each["TrainingJobName"]] == each["TunedHyperParameters"]


def test_tunings_should_be_listed_by_status(bench: Bench) -> None:
    bench.sagemaker.create_hyper_parameter_tuning_job(**request(bench, "first"))
    ended(bench, "first")
    listed = bench.sagemaker.list_hyper_parameter_tuning_jobs(StatusEquals="Completed")
    (found,) = listed["HyperParameterTuningJobSummaries"]
    assert (found["HyperParameterTuningJobName"], found["Strategy"]) == ("first", "Grid")
    assert found["ResourceLimits"] == {"MaxParallelTrainingJobs": 2}
    assert log_of(bench)


def change(asked: dict[str, Any], path: str, value: Any) -> None:
    *folders, last = path.split(".")
    for each in folders:
        asked = asked[each]
    asked[last] = value


CONFIG, JOB = "HyperParameterTuningJobConfig", "TrainingJobDefinition"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{CONFIG}.Strategy", "Hyperband", "tunes by Grid, Random, Bayesian, not by Hyperband"),
        (f"{CONFIG}.TrainingJobEarlyStoppingType", "Auto", "has to be Off"),
        ("Autotune", {"Mode": "Enabled"}, "can't use Autotune"),
        (f"{CONFIG}.HyperParameterTuningJobObjective.MetricName", "mse", "mse is none of the"),
        (f"{CONFIG}.ResourceLimits.MaxNumberOfTrainingJobs", 4, "the grid has 3 combinations"),
        (f"{CONFIG}.ParameterRanges", {"ContinuousParameterRanges": [RATES]}, "alone"),
        (f"{CONFIG}.ParameterRanges", {}, "needs at least one parameter with a range"),
        (f"{JOB}.StaticHyperParameters.kind", "a", "kind has a range and a static value"),
        (f"{JOB}.StaticHyperParameters", {}, "sagemaker_program and sagemaker_submit_directory"),
        (f"{JOB}.VpcConfig", {"SecurityGroupIds": ["s"], "Subnets": ["n"]}, "can't use VpcConfig"),
    ],
)
def test_what_could_not_run_here_should_be_refused(
    bench: Bench, path: str, value: Any, said: str
) -> None:
    asked = request(bench, "refused")
    change(asked, path, value)
    with pytest.raises(ClientError, match=said):
        bench.sagemaker.create_hyper_parameter_tuning_job(**asked)
    assert (
        bench.sagemaker.list_hyper_parameter_tuning_jobs()["HyperParameterTuningJobSummaries"] == []
    )


def test_a_name_should_be_there_once(bench: Bench) -> None:
    bench.sagemaker.create_hyper_parameter_tuning_job(**request(bench, "taken"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceInUse):
        bench.sagemaker.create_hyper_parameter_tuning_job(**request(bench, "taken"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceNotFound):
        told(bench, "nobody")
    ended(bench, "taken")
