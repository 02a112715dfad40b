"""Processing jobs through boto3: real processes, inputs and outputs, and how jobs end.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
https://docs.aws.amazon.com/sagemaker/latest/dg/build-your-own-processing-container.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import BUCKET, ROLE, Bench, eventually

PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
root = Path(os.environ["HEADRACE_ML_ROOT"])
_, source, into, *words = sys.argv
rows = sorted(path.name for path in Path(source).iterdir())
print("rows", rows, "with", words, flush=True)
out = Path(into)
found = {"rows": rows, "words": words, "told": os.environ.get("TOLD")}
(out / "rows.json").write_text(json.dumps(found))
if "slow" in words:
    (out / "begun").write_text("yes")
    time.sleep(60)
if "message" in words:
    (root / "output" / "message").write_text("looked at all")
if "fail" in words:
    (root / "output" / "message").write_text("The rows are broken")
    sys.exit(4)
if "die" in words:
    os.kill(os.getpid(), signal.SIGKILL)
while words and words[0].startswith("/") and not Path(words[0]).exists():
    time.sleep(0.02)
"""
IN, OUT = "/opt/ml/processing/input", "/opt/ml/processing/output"


def request(
    bench: Bench, name: str, *words: str, mode: str = "EndOfJob", longest: int = 60
) -> dict[str, Any]:
    bench.put("code/look.py", PROGRAM.encode())
    for row in ("a", "b"):
        bench.put(f"data/{row}", row.encode())

    def given(named: str, prefix: str) -> dict[str, Any]:
        source = {
            "S3Uri": f"s3://{BUCKET}/{prefix}",
            "LocalPath": f"{IN}/{named}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
        }
        return {"InputName": named, "S3Input": source}

    output = {"S3Uri": f"s3://{BUCKET}/looked/{name}", "LocalPath": OUT, "S3UploadMode": mode}
    return {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": "image",
            "ContainerEntrypoint": ["python3", f"{IN}/code/look.py"],
            "ContainerArguments": [f"{IN}/data", OUT, *words],
        },
        "ProcessingInputs": [given("code", "code/look.py"), given("data", "data/")],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "looked", "S3Output": output}]},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 1,
            }
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": longest},
        "Environment": {"TOLD": "this"},
    }


def described(bench: Bench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.sagemaker.describe_processing_job(ProcessingJobName=name)
    return found


def ended(bench: Bench, name: str) -> dict[str, Any]:
    def done() -> Any:
        found = described(bench, name)
        return found["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped") and found

    found: dict[str, Any] = eventually(done)
    return found


def made(bench: Bench, name: str) -> dict[str, Any] | None:
    body = bench.there(f"s3://{BUCKET}/looked/{name}/rows.json")
    return json.loads(body) if body else None


def test_should_run_the_program_on_its_inputs_and_send_its_outputs(bench: Bench) -> None:
    asked = request(bench, "one", "message")
    begun = bench.sagemaker.create_processing_job(**asked)
    found = ended(bench, "one")
    assert found["ProcessingJobStatus"] == "Completed", found
    assert found["ProcessingJobArn"] == begun["ProcessingJobArn"]
    assert found["ExitMessage"] == "looked at all"
    assert found["ProcessingEndTime"] >= found["ProcessingStartTime"]
    assert made(bench, "one") == {"rows": ["a", "b"], "words": ["message"], "told": "this"}
    lines = bench.written.lines["/aws/sagemaker/ProcessingJobs"]
    eventually(lambda: "rows ['a', 'b'] with ['message']" in lines)
    assert bench.roles == [ROLE]
    assert not (bench.data / "sagemaker" / "processing" / "one").exists()
    (summary,) = bench.sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    assert (summary["ProcessingJobName"], summary["ExitMessage"]) == ("one", "looked at all")


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("fail", "AlgorithmError: The rows are broken, exit code: 4"),
        ("die", "AlgorithmError: The program was killed by signal 9."),
    ],
)
def test_should_tell_why_a_program_failed_and_send_nothing(
    bench: Bench, word: str, reason: str
) -> None:
    bench.sagemaker.create_processing_job(**request(bench, "bad", word))
    found = ended(bench, "bad")
    assert (found["ProcessingJobStatus"], found["FailureReason"]) == ("Failed", reason)
    assert made(bench, "bad") is None


def test_should_send_while_it_runs_and_stop(bench: Bench) -> None:
    bench.sagemaker.create_processing_job(**request(bench, "long", "slow", mode="Continuous"))
    bench.sagemaker.create_processing_job(**request(bench, "waits"))
    eventually(lambda: bench.there(f"s3://{BUCKET}/looked/long/begun"))
    for name in ("waits", "long"):
        bench.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert ended(bench, "long")["ProcessingJobStatus"] == "Stopped"
    assert "ProcessingStartTime" not in ended(bench, "waits")
    with pytest.raises(ClientError, match="the processing job is in status Stopped"):
        bench.sagemaker.stop_processing_job(ProcessingJobName="long")


def test_should_end_a_program_that_takes_too_long(bench: Bench) -> None:
    bench.sagemaker.create_processing_job(**request(bench, "late", "slow", longest=1))
    found = ended(bench, "late")
    assert found["ProcessingJobStatus"] == "Stopped"
    assert "longer than its MaxRuntimeInSeconds" in found["FailureReason"]
    assert made(bench, "late") is None


def test_should_tell_what_s3_does_not_have(bench: Bench) -> None:
    asked = request(bench, "lost")
    asked["ProcessingInputs"][1]["S3Input"]["S3Uri"] = f"s3://{BUCKET}/none/"
    bench.sagemaker.create_processing_job(**asked)
    assert "No S3 objects found under" in ended(bench, "lost")["FailureReason"]


def test_should_begin_again_what_a_closed_cloud_left(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    restarted = bench.data / "restarted"
    bench.sagemaker.create_processing_job(**request(bench, "left", str(restarted)))
    eventually(lambda: "ProcessingStartTime" in described(bench, "left"))
    again = make_bench()
    restarted.touch()
    assert ended(again, "left")["ProcessingJobStatus"] == "Completed"
    assert made(again, "left") is not None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"AppSpecification": {"ImageUri": "image"}}, "needs a ContainerEntrypoint of Python"),
        (
            {"AppSpecification": {"ImageUri": "i", "ContainerEntrypoint": ["bash", "-c"]}},
            "needs a ContainerEntrypoint of Python",
        ),
        ({"NetworkConfig": {"EnableNetworkIsolation": True}}, "can't use NetworkConfig"),
        (
            {
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceCount": 2,
                        "InstanceType": "ml.m5.large",
                        "VolumeSizeInGB": 1,
                    }
                }
            },
            "InstanceCount has to be 1",
        ),
    ],
)
def test_should_refuse_what_could_not_run_here(
    bench: Bench, change: dict[str, Any], told: str
) -> None:
    with pytest.raises(ClientError, match=told):
        bench.sagemaker.create_processing_job(**{**request(bench, "refused"), **change})
    for place in ("/tmp/x", "/opt/ml/processing/../x"):
        asked = request(bench, "refused")
        asked["ProcessingInputs"][0]["S3Input"]["LocalPath"] = place
        with pytest.raises(ClientError, match="needs a LocalPath below /opt/ml/processing/"):
            bench.sagemaker.create_processing_job(**asked)
    assert bench.sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []


def test_a_name_should_be_there_once(bench: Bench) -> None:
    bench.sagemaker.create_processing_job(**request(bench, "one"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceInUse):
        bench.sagemaker.create_processing_job(**request(bench, "one"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceNotFound):
        described(bench, "nobody")
    ended(bench, "one")
