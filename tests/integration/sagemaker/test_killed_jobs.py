"""Jobs of a local cloud that is killed: what was begun is ended, once, or fails with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker.jobs.program import INTERPRETER
from tests.cloud import CloudProcess
from tests.integration.sagemaker.conftest import eventually, package
from tests.integration.sagemaker.test_training import code
from tests.integration.sagemaker.test_transform import ADDER

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not INTERPRETER.exists(), reason="make training has not been run"),
]
BUCKET = "jobs"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}
TRAINED = """
import json, os, time
from pathlib import Path
shared = Path(json.loads(os.environ["SM_HPS"])["shared"])
while len(list(shared.glob("trial-*"))) >= 2 and not (shared / "restarted").exists():
    time.sleep(0.02)
(shared / ("trial-" + os.environ["TRAINING_JOB_NAME"])).touch()
print("metric:error=1;", flush=True)
(Path(os.environ["SM_MODEL_DIR"]) / "told").write_text(os.environ["SM_HPS"])
"""
"""A trial that ends at once; from the third on it waits until the killed cloud is back."""

PROCESSED = """
import sys, time
from pathlib import Path
into, shared = map(Path, sys.argv[1:])
while not (shared / "restarted").exists():
    time.sleep(0.02)
(into / "told").write_text("done")
"""
"""A processing that waits until the killed cloud is back."""


@dataclass(frozen=True, slots=True)
class KilledCloud:
    """A local cloud that was killed and started again, and the settings of the trials of a tuning
    that there were before.
    """

    cloud: CloudProcess
    trials: dict[str, Any]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledCloud]:
    """A local cloud killed amid a tuning, a transform and a processing, none of which could end."""
    cloud = CloudProcess(tmp_path_factory.mktemp("killed")).start()
    shared = tmp_path_factory.mktemp("shared")
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    iam = cloud.client("iam")
    iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="jobs", PolicyName="s3", PolicyDocument=json.dumps(ALLOWED))
    begin_tuning(cloud, shared)
    begin_transform(cloud, shared)
    begin_processing(cloud, shared)
    eventually(lambda: told(cloud)["ObjectiveStatusCounters"]["Succeeded"] == 2)
    eventually(lambda: keys(cloud, "out/") == ["out/a.out"])
    eventually(lambda: "ProcessingStartTime" in processing(cloud))
    before = settings_of_trials(cloud)
    cloud.kill()
    cloud.start()
    (shared / "restarted").touch()
    yield KilledCloud(cloud, before)
    cloud.stop()


def role(cloud: CloudProcess) -> str:
    return str(cloud.client("iam").get_role(RoleName="jobs")["Role"]["Arn"])


def put(cloud: CloudProcess, key: str, body: bytes) -> str:
    cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def keys(cloud: CloudProcess, prefix: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", ())]


def begin_tuning(cloud: CloudProcess, shared: Path) -> None:
    program = put(cloud, "code.tar.gz", code(TRAINED))
    rates = {"Name": "rate", "MinValue": "0", "MaxValue": "1"}
    cloud.client("sagemaker").create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="killed",
        HyperParameterTuningJobConfig={
            "Strategy": "Bayesian",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "error"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 6, "MaxParallelTrainingJobs": 2},
            "ParameterRanges": {"ContinuousParameterRanges": [rates]},
        },
        TrainingJobDefinition={
            "AlgorithmSpecification": {
                "TrainingImage": "image",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "error", "Regex": "metric:error=([0-9.]+);"}],
            },
            "RoleArn": role(cloud),
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/trained"},
            "ResourceConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "StaticHyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": program,
                "shared": str(shared),
            },
        },
    )


def test_a_tuning_should_end_as_if_nobody_had_killed_it(killed: KilledCloud) -> None:
    found = eventually(lambda: ended(killed.cloud), 90)
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    after = settings_of_trials(killed.cloud)
    assert len(after) == 6
    assert len(killed.trials) >= 2
    assert killed.trials.items() <= after.items()
    assert sorted(keys(killed.cloud, "trained/")) == sorted(
        f"trained/{name}/output/model.tar.gz" for name in after
    )


def test_a_transform_should_end_as_if_nobody_had_killed_it(killed: KilledCloud) -> None:
    cloud = killed.cloud

    def over() -> Any:
        status = cloud.client("sagemaker").describe_transform_job(TransformJobName="killed")
        return status["TransformJobStatus"] != "InProgress" and status["TransformJobStatus"]

    assert eventually(over, 90) == "Completed"
    assert keys(cloud, "out/") == ["out/a.out", "out/b.out"]
    body = cloud.client("s3").get_object(Bucket=BUCKET, Key="out/b.out")["Body"].read()
    assert [json.loads(line)["sum"] for line in body.splitlines()] == list(range(1, 9))


def test_a_processing_should_end_as_if_nobody_had_killed_it(killed: KilledCloud) -> None:
    def over() -> Any:
        status = processing(killed.cloud)["ProcessingJobStatus"]
        return status != "InProgress" and status

    assert eventually(over, 90) == "Completed"
    assert keys(killed.cloud, "processed/") == ["processed/told"]


def told(cloud: CloudProcess) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="killed"
    )
    return found


def ended(cloud: CloudProcess) -> Any:
    found = told(cloud)
    return found["HyperParameterTuningJobStatus"] != "InProgress" and found


def settings_of_trials(cloud: CloudProcess) -> dict[str, Any]:
    listed = cloud.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="killed"
    )["TrainingJobSummaries"]
    return {each["TrainingJobName"]: each["TunedHyperParameters"] for each in listed}


def processing(cloud: CloudProcess) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("sagemaker").describe_processing_job(
        ProcessingJobName="killed"
    )
    return found


def begin_transform(cloud: CloudProcess, shared: Path) -> None:
    sagemaker = cloud.client("sagemaker")
    model = put(cloud, "model.tar.gz", package(**{"code/inference.py": ADDER}))
    container = {"Image": "image", "ModelDataUrl": model}
    sagemaker.create_model(
        ModelName="adder", ExecutionRoleArn=role(cloud), PrimaryContainer=container
    )
    put(cloud, "in/a", b'{"a": 1}')
    rows: list[dict[str, Any]] = [{"a": number} for number in range(8)]
    rows[4]["until"] = str(shared / "restarted")
    put(cloud, "in/b", "".join(f"{json.dumps(row)}\n" for row in rows).encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    sagemaker.create_transform_job(
        TransformJobName="killed",
        ModelName="adder",
        BatchStrategy="SingleRecord",
        TransformInput={"DataSource": {"S3DataSource": source}, "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/out", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def begin_processing(cloud: CloudProcess, shared: Path) -> None:
    into, at = "/opt/ml/processing/output", "/opt/ml/processing/input/code"
    source = {
        "S3Uri": put(cloud, "process.py", PROCESSED.encode()),
        "LocalPath": at,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
    }
    output = {
        "S3Uri": f"s3://{BUCKET}/processed",
        "LocalPath": into,
        "S3UploadMode": "EndOfJob",
    }
    cloud.client("sagemaker").create_processing_job(
        ProcessingJobName="killed",
        RoleArn=role(cloud),
        AppSpecification={
            "ImageUri": "image",
            "ContainerEntrypoint": ["python3", f"{at}/process.py"],
            "ContainerArguments": [into, str(shared)],
        },
        ProcessingInputs=[{"InputName": "code", "S3Input": source}],
        ProcessingOutputConfig={"Outputs": [{"OutputName": "told", "S3Output": output}]},
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
    )
