"""Training jobs through boto3: real processes, real archives, and how jobs end.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeTrainingJob.html
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.jobs.program import ProgramSettings
from tests.integration.sagemaker.conftest import BUCKET, ROLE, Bench, eventually

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
root = Path(os.environ["HEADRACE_ML_ROOT"])
asked = json.loads((root / "input/config/hyperparameters.json").read_text())
kept = root / "checkpoints" / "at"
at = int(kept.read_text()) if kept.exists() else 0
stop = []
if "deaf" not in asked:
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("from", at, flush=True)
for step in range(at + 1, int(asked.get("steps", "3")) + 1):
    print(f"step={step}; metric:loss={1 / step:.3f};", flush=True)
    kept.write_text(str(step))
    time.sleep(float(asked.get("seconds", "0")))
    while step == 5 and "until" in asked and not Path(asked["until"]).exists():
        time.sleep(0.02)
    if stop:
        (root / "model" / "part").write_text(str(step))
        sys.exit(143)
if asked.get("fail"):
    (root / "output" / "failure").write_text(asked["fail"])
    sys.exit(3)
if asked.get("die"):
    os.kill(os.getpid(), signal.SIGKILL)
rows = sorted(path.name for path in Path(os.environ["SM_CHANNEL_TRAINING"]).iterdir())
(root / "model" / "told.json").write_text(json.dumps({"rows": rows, "asked": asked}))
(root / "output/data" / "more").write_text("more")
"""
LOG = "/aws/sagemaker/TrainingJobs"


def code(program: str = PROGRAM) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("train.py")
        info.size = len(program.encode())
        archive.addfile(info, io.BytesIO(program.encode()))
    return out.getvalue()


def request(bench: Bench, name: str, hours_s: int = 60, **asked: str) -> dict[str, Any]:
    address = bench.put("code/source.tar.gz", code())
    for row in ("a", "b"):
        bench.put(f"data/{row}", row.encode())
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/data/"}
    return {
        "TrainingJobName": name,
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": "000.dkr.ecr.us-east-1.amazonaws.com/pytorch-training:1",
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "loss", "Regex": r"metric:loss=([0-9.]+);"}],
        },
        "HyperParameters": {
            **asked,
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": address,
        },
        "InputDataConfig": [{"ChannelName": "training", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/trained/"},
        "ResourceConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": hours_s},
        "CheckpointConfig": {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}/"},
    }


def described(bench: Bench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.sagemaker.describe_training_job(TrainingJobName=name)
    return found


def ended(bench: Bench, name: str) -> dict[str, Any]:
    def done() -> Any:
        found = described(bench, name)
        return found["TrainingJobStatus"] in ("Completed", "Failed", "Stopped") and found

    found: dict[str, Any] = eventually(done)
    return found


def unpacked(bench: Bench, address: str) -> dict[str, bytes]:
    body = bench.there(address)
    assert body is not None, address
    with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
        found = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        return {name: file.read() for name, file in found.items() if file is not None}


def log_of(bench: Bench) -> list[str]:
    return bench.written.lines.get(LOG, [])


def test_should_run_the_program_and_keep_what_it_made(bench: Bench) -> None:
    asked = request(bench, "one")
    made = bench.sagemaker.create_training_job(**asked)
    found = ended(bench, "one")
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Completed"
    assert found["TrainingJobArn"] == made["TrainingJobArn"]
    passed = [each["Status"] for each in found["SecondaryStatusTransitions"]]
    assert passed == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    (metric,) = found["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("loss", pytest.approx(0.333))
    address = found["ModelArtifacts"]["S3ModelArtifacts"]
    assert address == f"s3://{BUCKET}/trained/one/output/model.tar.gz"
    told = json.loads(unpacked(bench, address)["told.json"])
    assert told["rows"] == ["a", "b"]
    assert told["asked"] == asked["HyperParameters"]
    assert unpacked(bench, address.replace("model.tar", "output.tar")) == {"more": b"more"}
    assert bench.there(f"s3://{BUCKET}/checkpoints/one/at") == b"3"
    eventually(lambda: "step=3; metric:loss=0.333;" in log_of(bench))
    assert any("not on ml.m5.large" in line for line in log_of(bench))
    assert bench.roles == [ROLE]
    assert not (bench.data / "sagemaker" / "training" / "one").exists()


def test_should_tell_why_a_program_failed(bench: Bench) -> None:
    for name, asked in (("said", {"fail": "The rows are broken."}), ("killed", {"die": "yes"})):
        bench.sagemaker.create_training_job(**request(bench, name, 60, **asked))
    said, killed = ended(bench, "said"), ended(bench, "killed")
    assert said["TrainingJobStatus"] == killed["TrainingJobStatus"] == "Failed"
    assert said["FailureReason"] == "AlgorithmError: The rows are broken., exit code: 3"
    assert killed["FailureReason"] == "AlgorithmError: The program was killed by signal 9."
    assert said["ModelArtifacts"]["S3ModelArtifacts"] == ""


@pytest.mark.parametrize(
    ("key", "told"),
    [("data/", "No S3 objects found under"), ("code/source.tar.gz", "cannot be downloaded")],
)
def test_should_tell_what_s3_does_not_have(bench: Bench, key: str, told: str) -> None:
    asked = request(bench, "lost")
    for each in ("data/a", "data/b") if key == "data/" else (key,):
        bench.s3.delete_object(Bucket=BUCKET, Key=each)
    bench.sagemaker.create_training_job(**asked)
    reason = ended(bench, "lost")["FailureReason"]
    assert reason.startswith("ClientError: ")
    assert told in reason


def test_should_stop_with_sigterm_and_go_on_from_the_checkpoint(bench: Bench) -> None:
    asked = request(bench, "first", steps="500", seconds="0.05")
    bench.sagemaker.create_training_job(**asked)
    eventually(lambda: bench.there(f"s3://{BUCKET}/checkpoints/first/at"))
    bench.sagemaker.stop_training_job(TrainingJobName="first")
    found = ended(bench, "first")
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Stopped"
    at = int(unpacked(bench, found["ModelArtifacts"]["S3ModelArtifacts"])["part"])
    assert 0 < at < 500
    again = request(bench, "second", steps=str(at + 2))
    again["CheckpointConfig"] = asked["CheckpointConfig"]
    bench.sagemaker.create_training_job(**again)
    assert ended(bench, "second")["TrainingJobStatus"] == "Completed"
    eventually(lambda: f"from {at}" in log_of(bench))
    with pytest.raises(ClientError, match="the training job is in status Stopped"):
        bench.sagemaker.stop_training_job(TrainingJobName="first")


def test_should_end_a_program_that_takes_too_long(bench: Bench) -> None:
    bench.sagemaker.create_training_job(**request(bench, "long", 1, steps="900", seconds="0.1"))
    found = ended(bench, "long")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == (
        "Stopped",
        "MaxRuntimeExceeded",
    )
    assert "part" in unpacked(bench, found["ModelArtifacts"]["S3ModelArtifacts"])


def test_should_kill_a_program_that_does_not_hear(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(trainer=ProgramSettings(Path(sys.executable), 0.2))
    asked = request(bench, "deaf", steps="900", seconds="0.1", deaf="yes")
    bench.sagemaker.create_training_job(**asked)
    eventually(lambda: bench.there(f"s3://{BUCKET}/checkpoints/deaf/at"))
    bench.sagemaker.stop_training_job(TrainingJobName="deaf")
    assert ended(bench, "deaf")["TrainingJobStatus"] == "Stopped"


def test_should_stop_a_job_that_waits_for_another(bench: Bench) -> None:
    bench.sagemaker.create_training_job(**request(bench, "runs", steps="900", seconds="0.1"))
    bench.sagemaker.create_training_job(**request(bench, "waits"))
    bench.sagemaker.stop_training_job(TrainingJobName="waits")
    bench.sagemaker.stop_training_job(TrainingJobName="runs")
    assert ended(bench, "waits")["TrainingJobStatus"] == "Stopped"
    assert "TrainingStartTime" not in described(bench, "waits")


def test_should_begin_again_what_a_closed_cloud_left(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    restarted = bench.data / "restarted"
    asked = request(bench, "left", steps="6", until=str(restarted))
    bench.sagemaker.create_training_job(**asked)
    eventually(lambda: bench.there(f"s3://{BUCKET}/checkpoints/left/at") == b"5")
    again = make_bench()
    restarted.touch()
    found = ended(again, "left")
    assert found["TrainingJobStatus"] == "Completed"
    passed = [each["Status"] for each in found["SecondaryStatusTransitions"]]
    assert passed.count("Training") == 2
    eventually(lambda: "from 5" in log_of(again))
    assert "from 0" not in log_of(again)


def test_should_list_jobs_by_status_and_page(bench: Bench) -> None:
    for name in ("a", "b", "c"):
        bench.sagemaker.create_training_job(**request(bench, name, fail="x" if name == "b" else ""))
        ended(bench, name)
    pages = bench.sagemaker.get_paginator("list_training_jobs").paginate(
        PaginationConfig={"PageSize": 2}
    )
    named = [each["TrainingJobName"] for page in pages for each in page["TrainingJobSummaries"]]
    assert named == ["c", "b", "a"]
    failed = bench.sagemaker.list_training_jobs(StatusEquals="Failed")["TrainingJobSummaries"]
    assert [each["TrainingJobName"] for each in failed] == ["b"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"HyperParameters": {}}, "sagemaker_program and sagemaker_submit_directory is missing"),
        ({"TrainingJobName": "a--"}, "is not a valid name|failed to satisfy"),
        ({"VpcConfig": {"SecurityGroupIds": ["s"], "Subnets": ["n"]}}, "can't use VpcConfig"),
        (
            {
                "ResourceConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 2,
                    "VolumeSizeInGB": 1,
                }
            },
            "InstanceCount has to be 1",
        ),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c", "LocalPath": "/tmp"}}, "/opt/ml/checkpoints"),
    ],
)
def test_should_refuse_what_could_not_run_here(
    bench: Bench, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(ClientError, match=told):
        bench.sagemaker.create_training_job(**{**request(bench, "refused"), **change})
    assert bench.sagemaker.list_training_jobs()["TrainingJobSummaries"] == []


def test_should_refuse_a_pattern_that_is_none(bench: Bench) -> None:
    asked = request(bench, "refused")
    asked["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "loss", "Regex": "("}]
    with pytest.raises(ClientError, match="The pattern of loss is not valid"):
        bench.sagemaker.create_training_job(**asked)


def test_should_refuse_a_name_that_is_taken_and_one_that_is_not_there(bench: Bench) -> None:
    bench.sagemaker.create_training_job(**request(bench, "taken"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceInUse):
        bench.sagemaker.create_training_job(**request(bench, "taken"))
    with pytest.raises(ClientError, match="Requested resource not found"):
        described(bench, "nobody")
    ended(bench, "taken")


def test_should_say_how_to_get_a_training_environment(
    make_bench: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make_bench(trainer=ProgramSettings(tmp_path / "none"))
    with pytest.raises(ClientError, match="make training"):
        bench.sagemaker.create_training_job(**request(bench, "early"))
