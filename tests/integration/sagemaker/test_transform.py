"""Transform jobs through boto3: real containers, records, outputs, and how jobs end.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.integration.sagemaker.conftest import BUCKET, ROLE, Bench, eventually, package

ADDER = """
import json, os, time

def model_fn(model_dir):
    most = os.environ["SAGEMAKER_MAX_PAYLOAD_IN_MB"]
    print("batch", os.environ["SAGEMAKER_BATCH"], most, flush=True)
    return 1

def input_fn(body, content_type):
    rows = [json.loads(line) for line in body.decode().split("\\n") if line]
    return [(row, content_type) for row in rows]

def predict_fn(rows, model):
    told = []
    for row, kind in rows:
        time.sleep(row.get("seconds", 0))
        while "until" in row and not os.path.exists(row["until"]):
            time.sleep(0.02)
        once = row.get("crash_once")
        if once and not os.path.exists(once):
            open(once, "w").close()
            os._exit(3)
        if row.get("refuse"):
            raise ValueError("that row is wrong")
        told.append({"sum": row.get("a", 0) + 1, "of": len(rows), "kind": kind})
    return told

def output_fn(told, accept):
    return "\\n".join(json.dumps(each) for each in told), accept or "application/json"
"""


def model(bench: Bench, name: str = "adder") -> str:
    return bench.model(name, package(**{"code/inference.py": ADDER}))


def rows(bench: Bench, name: str, *given: dict[str, Any]) -> str:
    return bench.put(f"in/{name}", "".join(f"{json.dumps(each)}\n" for each in given).encode())


def request(name: str, **more: Any) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/in/"}
    return {
        "TransformJobName": name,
        "ModelName": "adder",
        "BatchStrategy": "SingleRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": source},
            "SplitType": "Line",
            "ContentType": "application/jsonlines",
        },
        "TransformOutput": {"S3OutputPath": f"s3://{BUCKET}/out", "AssembleWith": "Line"},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **more,
    }


def described(bench: Bench, name: str) -> dict[str, Any]:
    found: dict[str, Any] = bench.sagemaker.describe_transform_job(TransformJobName=name)
    return found


def ended(bench: Bench, name: str) -> dict[str, Any]:
    def done() -> Any:
        found = described(bench, name)
        return found["TransformJobStatus"] in ("Completed", "Failed", "Stopped") and found

    found: dict[str, Any] = eventually(done)
    return found


def answered(bench: Bench, key: str) -> list[dict[str, Any]]:
    body = bench.there(f"s3://{BUCKET}/{key}")
    assert body is not None, key
    return [json.loads(line) for line in body.splitlines()]


def keys(bench: Bench, prefix: str) -> list[str]:
    found = bench.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", ())]


def test_every_record_should_be_answered_in_order_beside_its_object(bench: Bench) -> None:
    model(bench)
    rows(bench, "one.jsonl", *({"a": number} for number in range(7)))
    rows(bench, "deep/two.jsonl", {"a": 40}, {"a": 41})
    made = bench.sagemaker.create_transform_job(**request("one", MaxConcurrentTransforms=3))
    found = ended(bench, "one")
    assert found["TransformJobStatus"] == "Completed", found
    assert found["TransformJobArn"] == made["TransformJobArn"]
    assert found["TransformEndTime"] >= found["TransformStartTime"] >= found["CreationTime"]
    assert keys(bench, "out/") == ["out/deep/two.jsonl.out", "out/one.jsonl.out"]
    told = answered(bench, "out/one.jsonl.out")
    assert [each["sum"] for each in told] == list(range(1, 8))
    assert {(each["of"], each["kind"]) for each in told} == {(1, "application/jsonlines")}
    assert [each["sum"] for each in answered(bench, "out/deep/two.jsonl.out")] == [41, 42]
    lines = bench.written.lines["/aws/sagemaker/TransformJobs"]
    eventually(lambda: "batch true 6" in lines)
    assert any("not on ml.m5.large" in line for line in lines)
    assert not (bench.data / "sagemaker" / "transforms" / "one").exists()


def test_records_should_go_together_where_it_is_asked_for(bench: Bench) -> None:
    model(bench)
    rows(bench, "one.jsonl", *({"a": number} for number in range(5)))
    bench.sagemaker.create_transform_job(**request("multi", BatchStrategy="MultiRecord"))
    assert ended(bench, "multi")["TransformJobStatus"] == "Completed"
    told = answered(bench, "out/one.jsonl.out")
    assert [(each["sum"], each["of"]) for each in told] == [(each, 5) for each in range(1, 6)]


def test_a_manifest_should_name_what_is_asked_about(bench: Bench) -> None:
    model(bench)
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        rows(bench, name, {"a": 1})
    listed = [{"prefix": f"s3://{BUCKET}/in/"}, "a.jsonl", "c.jsonl"]
    address = bench.put("manifest.json", json.dumps(listed).encode())
    asked = request("listed")
    source = {"S3DataType": "ManifestFile", "S3Uri": address}
    asked["TransformInput"]["DataSource"]["S3DataSource"] = source
    bench.sagemaker.create_transform_job(**asked)
    assert ended(bench, "listed")["TransformJobStatus"] == "Completed"
    assert keys(bench, "out/") == ["out/a.jsonl.out", "out/c.jsonl.out"]


def test_a_record_that_fails_should_fail_the_job_with_its_place_and_keep_what_was_done(
    bench: Bench,
) -> None:
    model(bench)
    rows(bench, "a.jsonl", {"a": 1})
    rows(bench, "b.jsonl", {"a": 1}, {"a": 2}, {"refuse": True}, {"a": 4})
    rows(bench, "c.jsonl", {"a": 1})
    bench.sagemaker.create_transform_job(**request("broken"))
    found = ended(bench, "broken")
    assert found["TransformJobStatus"] == "Failed"
    place = f"s3://{BUCKET}/in/b.jsonl, record 3"
    assert f"{place}: the model responded with 400" in found["FailureReason"]
    assert "that row is wrong" in found["FailureReason"]
    assert keys(bench, "out/") == ["out/a.jsonl.out"]


def test_a_container_that_dies_should_be_asked_again(bench: Bench) -> None:
    model(bench)
    rows(bench, "a.jsonl", {"a": 1, "crash_once": str(bench.data / "crashed")}, {"a": 2})
    bench.sagemaker.create_transform_job(**request("again"))
    assert ended(bench, "again")["TransformJobStatus"] == "Completed"
    assert [each["sum"] for each in answered(bench, "out/a.jsonl.out")] == [2, 3]
    (bench.data / "crashed").unlink()
    asked = request("once", ModelClientConfig={"InvocationsMaxRetries": 0})
    bench.sagemaker.create_transform_job(**asked)
    found = ended(bench, "once")
    assert "record 1: The container ended before it responded" in found["FailureReason"]


def test_a_record_that_takes_too_long_should_fail_the_job(bench: Bench) -> None:
    model(bench)
    rows(bench, "a.jsonl", {"seconds": 30})
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    bench.sagemaker.create_transform_job(**request("slow", ModelClientConfig=client))
    assert "record 1: There was no response in 1 s." in ended(bench, "slow")["FailureReason"]


def test_a_transform_should_be_stopped_and_one_that_waits_too(bench: Bench) -> None:
    model(bench)
    rows(bench, "a.jsonl", {"a": 1})
    rows(bench, "b.jsonl", *({"seconds": 0.2} for _ in range(200)))
    for name in ("runs", "waits"):
        bench.sagemaker.create_transform_job(**request(name))
    eventually(lambda: keys(bench, "out/") == ["out/a.jsonl.out"])
    for name in ("waits", "runs"):
        bench.sagemaker.stop_transform_job(TransformJobName=name)
    assert ended(bench, "runs")["TransformJobStatus"] == "Stopped"
    assert "TransformStartTime" not in ended(bench, "waits")
    assert keys(bench, "out/") == ["out/a.jsonl.out"]
    with pytest.raises(ClientError, match="the transform job is in status Stopped"):
        bench.sagemaker.stop_transform_job(TransformJobName="runs")


def test_a_transform_should_go_on_with_the_object_that_a_closed_cloud_had_in_hand(
    bench: Bench, make_bench: Callable[..., Bench]
) -> None:
    model(bench)
    rows(bench, "a.jsonl", {"a": 1})
    restarted = bench.data / "restarted"
    rows(bench, "b.jsonl", *({"a": 1, "until": str(restarted)} for _ in range(6)))
    bench.sagemaker.create_transform_job(**request("left"))
    eventually(lambda: keys(bench, "out/") == ["out/a.jsonl.out"])
    first = bench.s3.head_object(Bucket=BUCKET, Key="out/a.jsonl.out")["LastModified"]
    bench.sagemaker.delete_model(ModelName="adder")
    again = make_bench()
    restarted.touch()
    assert ended(again, "left")["TransformJobStatus"] == "Completed"
    assert [each["sum"] for each in answered(again, "out/b.jsonl.out")] == [2] * 6
    assert again.s3.head_object(Bucket=BUCKET, Key="out/a.jsonl.out")["LastModified"] == first


@pytest.mark.parametrize(
    ("body", "told"),
    [(b"no archive", "The package cannot be unpacked"), (None, "ended while it started")],
)
def test_a_model_that_cannot_be_started_should_be_told(
    bench: Bench, body: bytes | None, told: str
) -> None:
    bench.model("adder", body if body else package(broken="yes"))
    rows(bench, "a.jsonl", {"a": 1})
    bench.sagemaker.create_transform_job(**request("never"))
    found = ended(bench, "never")
    assert found["TransformJobStatus"] == "Failed"
    assert told in found["FailureReason"]
    assert keys(bench, "out/") == []


def test_an_input_without_objects_should_be_told(bench: Bench) -> None:
    model(bench)
    bench.sagemaker.create_transform_job(**request("none"))
    assert "No S3 objects found under" in ended(bench, "none")["FailureReason"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"ModelName": "nobody"}, "Could not find model"),
        ({"DataProcessing": {"JoinSource": "Input"}}, "can't use DataProcessing"),
        ({"MaxPayloadInMB": 60, "MaxConcurrentTransforms": 2}, "at most 100 MB"),
        (
            {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}},
            "InstanceCount has to be 1",
        ),
    ],
)
def test_what_could_not_run_here_should_be_refused(
    bench: Bench, change: dict[str, Any], told: str
) -> None:
    model(bench)
    with pytest.raises(ClientError, match=told):
        bench.sagemaker.create_transform_job(**request("refused", **change))
    for key, value in (("SplitType", "RecordIO"), ("CompressionType", "Gzip")):
        asked = request("refused")
        asked["TransformInput"][key] = value
        with pytest.raises(ClientError, match="The local cloud"):
            bench.sagemaker.create_transform_job(**asked)
    assert bench.sagemaker.list_transform_jobs()["TransformJobSummaries"] == []
    assert set(bench.roles) == {ROLE}


def test_transforms_should_be_listed_and_named_once(bench: Bench) -> None:
    model(bench)
    rows(bench, "a.jsonl", {"a": 1})
    bench.sagemaker.create_transform_job(**request("one"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceInUse):
        bench.sagemaker.create_transform_job(**request("one"))
    with pytest.raises(bench.sagemaker.exceptions.ResourceNotFound):
        described(bench, "nobody")
    ended(bench, "one")
    (found,) = bench.sagemaker.list_transform_jobs(StatusEquals="Completed")[
        "TransformJobSummaries"
    ]
    assert found["TransformJobName"] == "one"
