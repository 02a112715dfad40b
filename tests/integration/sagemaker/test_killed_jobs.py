"""Jobs of a local cloud that is killed: what was begun is ended, once, or fails with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
import os, time
from pathlib import Path
time.sleep(0.5)
print("metric:error=1;", flush=True)
(Path(os.environ["SM_MODEL_DIR"]) / "told").write_text(os.environ["SM_HPS"])
"""


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[CloudProcess]:
    """A local cloud with a bucket and a role, to be killed."""
    made = CloudProcess(tmp_path / "cloud").start()
    made.client("s3").create_bucket(Bucket=BUCKET)
    iam = made.client("iam")
    iam.create_role(RoleName="jobs", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="jobs", PolicyName="s3", PolicyDocument=json.dumps(ALLOWED))
    yield made
    made.stop()


def role(cloud: CloudProcess) -> str:
    return str(cloud.client("iam").get_role(RoleName="jobs")["Role"]["Arn"])


def put(cloud: CloudProcess, key: str, body: bytes) -> str:
    cloud.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)
    return f"s3://{BUCKET}/{key}"


def keys(cloud: CloudProcess, prefix: str) -> list[str]:
    found = cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", ())]


def test_a_tuning_should_end_as_if_nobody_had_killed_it(cloud: CloudProcess) -> None:
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
            },
        },
    )
    eventually(lambda: told(cloud)["ObjectiveStatusCounters"]["Succeeded"] >= 2, 60)
    before = {each["TrainingJobName"]: each["TunedHyperParameters"] for each in trials(cloud)}
    cloud.kill()
    cloud.start()
    found = eventually(lambda: ended(cloud), 90)
    assert found["HyperParameterTuningJobStatus"] == "Completed"
    assert found["ObjectiveStatusCounters"] == {"Succeeded": 6, "Pending": 0, "Failed": 0}
    after = {each["TrainingJobName"]: each["TunedHyperParameters"] for each in trials(cloud)}
    assert len(after) == 6
    assert before.items() <= after.items()
    assert sorted(keys(cloud, "trained/")) == sorted(
        f"trained/{name}/output/model.tar.gz" for name in after
    )


def told(cloud: CloudProcess) -> dict[str, Any]:
    found: dict[str, Any] = cloud.client("sagemaker").describe_hyper_parameter_tuning_job(
        HyperParameterTuningJobName="killed"
    )
    return found


def ended(cloud: CloudProcess) -> Any:
    found = told(cloud)
    return found["HyperParameterTuningJobStatus"] != "InProgress" and found


def trials(cloud: CloudProcess) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = cloud.client(
        "sagemaker"
    ).list_training_jobs_for_hyper_parameter_tuning_job(HyperParameterTuningJobName="killed")[
        "TrainingJobSummaries"
    ]
    return listed


PROCESSED = """
import sys, time
from pathlib import Path
time.sleep(2)
(Path(sys.argv[1]) / "told").write_text("done")
"""


def test_a_transform_and_a_processing_should_end_as_if_nobody_had_killed_them(
    cloud: CloudProcess,
) -> None:
    begin_transform(cloud)
    begin_processing(cloud)
    eventually(lambda: keys(cloud, "out/") == ["out/a.out"], 60)
    cloud.kill()
    cloud.start()
    sagemaker = cloud.client("sagemaker")

    def both() -> Any:
        transform = sagemaker.describe_transform_job(TransformJobName="killed")
        processing = sagemaker.describe_processing_job(ProcessingJobName="killed")
        statuses = transform["TransformJobStatus"], processing["ProcessingJobStatus"]
        return "InProgress" not in statuses and statuses

    assert eventually(both, 90) == ("Completed", "Completed")
    assert keys(cloud, "out/") == ["out/a.out", "out/b.out"]
    body = cloud.client("s3").get_object(Bucket=BUCKET, Key="out/b.out")["Body"].read()
    assert [json.loads(line)["sum"] for line in body.splitlines()] == list(range(1, 9))
    assert keys(cloud, "processed/") == ["processed/told"]


def begin_transform(cloud: CloudProcess) -> None:
    sagemaker = cloud.client("sagemaker")
    model = put(cloud, "model.tar.gz", package(**{"code/inference.py": ADDER}))
    container = {"Image": "image", "ModelDataUrl": model}
    sagemaker.create_model(
        ModelName="adder", ExecutionRoleArn=role(cloud), PrimaryContainer=container
    )
    put(cloud, "in/a", b'{"a": 1}')
    slow = "".join(f'{{"a": {number}, "seconds": 0.5}}\n' for number in range(8))
    put(cloud, "in/b", slow.encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    sagemaker.create_transform_job(
        TransformJobName="killed",
        ModelName="adder",
        BatchStrategy="SingleRecord",
        TransformInput={"DataSource": {"S3DataSource": source}, "SplitType": "Line"},
        TransformOutput={"S3OutputPath": f"s3://{BUCKET}/out", "AssembleWith": "Line"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
    )


def begin_processing(cloud: CloudProcess) -> None:
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
            "ContainerArguments": [into],
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
