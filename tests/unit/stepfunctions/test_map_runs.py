"""Distributed Map, by https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html."""

from __future__ import annotations

import io
import json
import sqlite3
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from localcloud.errors import AwsError
from tests.unit.stepfunctions.bench import Bench, aws_error
from tests.unit.stepfunctions.manual_scheduler import START
from tests.unit.stepfunctions.recorded import machine, one

INNER: dict[str, Any] = {"P": {"Type": "Pass", "End": True}}
ODD_FAILS = {
    "C": {
        "Type": "Choice",
        "Choices": [{"Variable": "$.bad", "BooleanEquals": True, "Next": "F"}],
        "Default": "P",
    },
    "F": {"Type": "Fail", "Error": "Bad", "Cause": "because"},
    **INNER,
}
S3 = "arn:aws:states:::s3:"


def mapped(
    inner: dict[str, Any] | None = None, kind: str = "EXPRESS", **more: Any
) -> dict[str, Any]:
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    processor = {**machine(inner or INNER), "ProcessorConfig": config}
    return one({"Type": "Map", "ItemProcessor": processor, **more})


class Bucket:
    """An S3 in memory, as far as Map Runs use it."""

    def __init__(self, objects: dict[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})

    def answers(self) -> dict[str, Any]:
        return {
            "s3.get_object": self.get,
            "s3.put_object": self.put,
            "s3.list_objects_v2": self.list,
        }

    def get(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["Key"] not in self.objects:
            raise aws_error("NoSuchKey", "The specified key does not exist.", 404)
        return {"Body": io.BytesIO(self.objects[params["Key"]])}

    def put(self, params: dict[str, Any]) -> dict[str, Any]:
        self.objects[params["Key"]] = params["Body"]
        return {}

    def list(self, params: dict[str, Any]) -> dict[str, Any]:
        keys = sorted(key for key in self.objects if key.startswith(params.get("Prefix", "")))
        begin = int(params.get("ContinuationToken", 0))
        entries = [
            {
                "Key": key,
                "ETag": '"e"',
                "LastModified": datetime.fromtimestamp(START, UTC),
                "Size": len(self.objects[key]),
                "StorageClass": "STANDARD",
            }
            for key in keys[begin : begin + 2]
        ]
        more = begin + 2 < len(keys)
        return {
            "Contents": entries,
            "IsTruncated": more,
            **({"NextContinuationToken": str(begin + 2)} if more else {}),
        }

    def json(self, key: str) -> Any:
        return json.loads(self.objects[key])


def reader(action: str = "getObject", config: dict[str, Any] | None = None) -> dict[str, Any]:
    place = {"Bucket": "b", "Prefix": "in/"} if action == "listObjectsV2" else {}
    return {
        "Resource": S3 + action,
        "Parameters": place or {"Bucket": "b", "Key": "k"},
        **({"ReaderConfig": config} if config else {}),
    }


def run_of(bench: Bench, arn: str) -> dict[str, Any]:
    listed = bench.service.list_map_runs({"executionArn": arn})["mapRuns"]
    return dict(bench.service.describe_map_run({"mapRunArn": listed[0]["mapRunArn"]}))


@pytest.mark.parametrize(
    ("config", "body", "items"),
    [
        ({"InputType": "JSON"}, b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
        ({"InputType": "JSONL"}, b'{"a":1}\n{"a":2}\n', [{"a": 1}, {"a": 2}]),
        (
            {"InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            b"a,b\n1,2\n3,4\n",
            [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}],
        ),
        ({"InputType": "JSON", "MaxItems": 1}, b"[1,2,3]", [1]),
    ],
)
def test_items_are_read_from_an_object(
    config: dict[str, Any], body: bytes, items: list[Any], tmp_path: Path
) -> None:
    bench = Bench(tmp_path, Bucket({"k": body}).answers())
    described = bench.run(mapped(ItemReader=reader(config=config)))
    assert json.loads(described["output"]) == items


def test_items_are_the_objects_of_a_prefix(tmp_path: Path) -> None:
    objects = {f"in/{number}": b"x" * number for number in range(3)}
    bench = Bench(tmp_path, Bucket({**objects, "other": b""}).answers())
    output = json.loads(bench.run(mapped(ItemReader=reader("listObjectsV2")))["output"])
    assert [item["Key"] for item in output] == ["in/0", "in/1", "in/2"]
    assert output[1] == {
        "Etag": '"e"',
        "Key": "in/1",
        "LastModified": int(START),
        "Size": 1,
        "StorageClass": "STANDARD",
    }


def test_a_missing_object_fails_the_map(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Bucket().answers())
    described = bench.run(mapped(ItemReader=reader(config={"InputType": "JSON"})))
    assert described["error"] == "States.ItemReaderFailed"
    assert described["cause"].startswith("The specified key does not exist. (Service: Amazon S3; ")


def test_items_are_selected_and_batched(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    definition = mapped(
        ItemsPath="$.items",
        ItemSelector={"n.$": "$$.Map.Item.Value", "i.$": "$$.Map.Item.Index", "t.$": "$.tag"},
        ItemBatcher={"MaxItemsPerBatch": 2, "BatchInput": {"tag.$": "$.tag"}},
    )
    described = bench.run(definition, {"items": [5, 6, 7], "tag": "T"})
    made = [{"n": value, "i": index, "t": "T"} for index, value in enumerate((5, 6, 7))]
    assert json.loads(described["output"]) == [
        {"BatchInput": {"tag": "T"}, "Items": made[:2]},
        {"BatchInput": {"tag": "T"}, "Items": made[2:]},
    ]
    run = run_of(bench, described["executionArn"])
    assert run["executionCounts"]["total"] == 2
    assert run["itemCounts"]["total"] == 3


def test_a_map_run_is_described_as_aws_does(tmp_path: Path) -> None:
    """LS test_sfn_api_map_run.py::test_list_map_runs_and_describe_map_run"""
    bench = Bench(tmp_path)
    described = bench.run(mapped(MaxConcurrency=1), ["a", "b"])
    run = run_of(bench, described["executionArn"])
    counts = {
        "aborted": 0,
        "failed": 0,
        "pending": 0,
        "resultsWritten": 2,
        "running": 0,
        "succeeded": 2,
        "timedOut": 0,
        "total": 2,
    }
    assert run["executionCounts"] == run["itemCounts"] == counts
    assert (run["status"], run["maxConcurrency"]) == ("SUCCEEDED", 1)
    assert (run["toleratedFailureCount"], run["toleratedFailurePercentage"]) == (0, 0.0)
    begin, label, own = run["mapRunArn"].replace("/", ":").rsplit(":", 2)
    assert begin == "arn:aws:states:us-east-1:000000000000:mapRun:machine"
    assert str(uuid.UUID(label)) == label, "a Map without a Label has an identifier in its place"
    assert str(uuid.UUID(own)) == own


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_one_failure_fails_the_map(kind: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    definition = mapped(ODD_FAILS, kind, MaxConcurrency=1)
    described = bench.run(definition, [{"bad": False}, {"bad": True}, {"bad": False}])
    assert described["error"] == "States.ExceedToleratedFailureThreshold"
    assert described["cause"] == "The specified tolerated failure threshold was exceeded"
    run = run_of(bench, described["executionArn"])
    assert run["status"] == "FAILED"
    shown = {name: count for name, count in run["executionCounts"].items() if count}
    assert shown == {"total": 3, "succeeded": 1, "failed": 1, "pending": 1, "resultsWritten": 2}


@pytest.mark.parametrize(
    "tolerated",
    [
        {"ToleratedFailureCount": 1},
        {"ToleratedFailurePercentage": 34},
        {"ToleratedFailureCountPath": "$[0].tolerated"},
    ],
)
def test_tolerated_failures_are_in_the_output(tolerated: dict[str, Any], tmp_path: Path) -> None:
    """input-output-resultwriter.html: the result of a failed child stays as it is"""
    bench = Bench(tmp_path)
    value = [{"bad": False, "tolerated": 1}, {"bad": True}, {"bad": False}]
    output = json.loads(bench.run(mapped(ODD_FAILS, **tolerated), value)["output"])
    assert (output[0], output[2]) == (value[0], value[2])
    assert (output[1]["Status"], output[1]["Error"], output[1]["Cause"]) == (
        "FAILED",
        "Bad",
        "because",
    )


def test_results_are_written_as_files(tmp_path: Path) -> None:
    """input-output-resultwriter.html: manifest.json, SUCCEEDED_0.json, FAILED_0.json"""
    bucket = Bucket()
    bench = Bench(tmp_path, bucket.answers())
    place = {"Resource": S3 + "putObject", "Parameters": {"Bucket": "out", "Prefix": "results"}}
    definition = mapped(ODD_FAILS, ResultWriter=place, ToleratedFailureCount=1)
    described = bench.run(definition, [{"bad": False}, {"bad": True}])
    run = run_of(bench, described["executionArn"])
    folder = f"results/{run['mapRunArn'].rsplit(':', 1)[-1]}"
    assert json.loads(described["output"]) == {
        "MapRunArn": run["mapRunArn"],
        "ResultWriterDetails": {"Bucket": "out", "Key": f"{folder}/manifest.json"},
    }
    manifest = bucket.json(f"{folder}/manifest.json")
    assert manifest["DestinationBucket"] == "out"
    assert manifest["ResultFiles"] == {
        name: [
            {
                "Key": f"{folder}/{name}_0.json",
                "Size": len(bucket.objects[f"{folder}/{name}_0.json"]),
            }
        ]
        if name != "PENDING"
        else []
        for name in ("SUCCEEDED", "FAILED", "PENDING")
    }
    good = bucket.json(f"{folder}/SUCCEEDED_0.json")[0]
    assert (good["Status"], good["Input"], good["Output"]) == (
        "SUCCEEDED",
        '{"bad":false}',
        '{"bad":false}',
    )
    assert bucket.json(f"{folder}/FAILED_0.json")[0]["Error"] == "Bad"


def test_what_never_began_is_written_as_pending(tmp_path: Path) -> None:
    bucket = Bucket()
    bench = Bench(tmp_path, bucket.answers())
    place = {"Resource": S3 + "putObject", "Parameters": {"Bucket": "out", "Prefix": "p"}}
    definition = mapped(ODD_FAILS, ResultWriter=place, MaxConcurrency=1)
    described = bench.run(definition, [{"bad": True}, {"bad": False}])
    assert described["error"] == "States.ExceedToleratedFailureThreshold"
    pending = next(key for key in bucket.objects if key.endswith("PENDING_0.json"))
    assert [one["Input"] for one in bucket.json(pending)] == ['{"bad":false}']


def test_results_can_be_compact_lines(tmp_path: Path) -> None:
    bucket = Bucket()
    bench = Bench(tmp_path, bucket.answers())
    place = {
        "Resource": S3 + "putObject",
        "Parameters": {"Bucket": "out", "Prefix": "p"},
        "WriterConfig": {"Transformation": "FLATTEN", "OutputType": "JSONL"},
    }
    bench.run(mapped(ResultWriter=place), [[1, 2], 3])
    key = next(key for key in bucket.objects if key.endswith("SUCCEEDED_0.jsonl"))
    assert bucket.objects[key] == b"1\n2\n3"


def test_a_bucket_that_refuses_results_fails_the_map(tmp_path: Path) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise aws_error("NoSuchBucket", "The specified bucket does not exist", 404)

    bench = Bench(tmp_path, {"s3.put_object": refuse})
    place = {"Resource": S3 + "putObject", "Parameters": {"Bucket": "out", "Prefix": "p"}}
    described = bench.run(mapped(ResultWriter=place), [1])
    assert described["error"] == "States.ResultWriterFailed"


def test_no_more_children_run_at_once_than_allowed_and_the_limit_can_be_changed(
    tmp_path: Path,
) -> None:
    bench = Bench(tmp_path)
    inner = {"W": {"Type": "Wait", "Seconds": 10, "End": True}}
    arn = bench.begin(mapped(inner, "STANDARD", MaxConcurrency=1), list(range(6)))
    bench.schedule.settle()
    run = run_of(bench, arn)
    assert (run["executionCounts"]["running"], run["executionCounts"]["pending"]) == (1, 5)
    bench.service.update_map_run({"mapRunArn": run["mapRunArn"], "maxConcurrency": 5})
    bench.schedule.settle()
    assert run_of(bench, arn)["executionCounts"]["running"] == 5
    assert bench.finish(arn)["status"] == "SUCCEEDED"
    assert bench.schedule.now() - START == 20
    with pytest.raises(AwsError, match="ValidationException"):
        bench.service.update_map_run({"mapRunArn": run["mapRunArn"], "maxConcurrency": 1})


def test_standard_children_are_executions_of_their_own(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    described = bench.run(mapped(kind="STANDARD", Label="children"), [1, 2])
    run = run_of(bench, described["executionArn"])
    children = bench.service.list_executions({"mapRunArn": run["mapRunArn"]})["executions"]
    assert [child["itemCount"] for child in children] == [1, 1]
    arn = children[0]["executionArn"]
    child = bench.describe(arn)
    assert child["stateMachineArn"].endswith(":stateMachine:machine/children")
    assert child["mapRunArn"] == run["mapRunArn"]
    assert [event["type"] for event in bench.events(arn)] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    machine_of = bench.service.describe_state_machine_for_execution({"executionArn": arn})
    assert json.loads(machine_of["definition"])["StartAt"] == "P"
    assert (machine_of["label"], machine_of["mapRunArn"]) == ("children", run["mapRunArn"])
    mine = bench.service.list_executions({"stateMachineArn": described["stateMachineArn"]})
    assert [one["executionArn"] for one in mine["executions"]] == [described["executionArn"]]


def test_express_children_are_listed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    described = bench.run(
        mapped(ODD_FAILS, ToleratedFailureCount=9), [{"bad": True}, {"bad": False}]
    )
    run = run_of(bench, described["executionArn"])
    listing = {"mapRunArn": run["mapRunArn"], "statusFilter": "FAILED"}
    listed = bench.service.list_executions(listing)["executions"]
    assert [child["status"] for child in listed] == ["FAILED"]


def test_an_empty_map_succeeds(tmp_path: Path) -> None:
    assert Bench(tmp_path).run(mapped(), [])["output"] == "[]"


def test_a_map_in_a_child_is_run_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    inner = mapped(kind="EXPRESS")["States"]
    described = bench.run(mapped({"In": {**inner["S"]}}, "STANDARD"), [[1, 2], [3]])
    assert json.loads(described["output"]) == [[1, 2], [3]]


@pytest.mark.parametrize("kind", ["EXPRESS", "STANDARD"])
def test_nothing_of_a_map_run_is_kept_longer_than_90_days(kind: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    arn = bench.begin(mapped(kind=kind), [1, 2])
    bench.finish(arn)
    kept = ("executions", "events", "map_runs", "map_items")
    bench.schedule.advance(89 * 24 * 3600)
    bench.restart()
    assert all(rows(tmp_path, table) for table in kept)
    bench.schedule.advance(2 * 24 * 3600)
    bench.restart()
    assert not any(rows(tmp_path, table) for table in (*kept, "strands", "tokens", "redrives"))


def rows(folder: Path, table: str) -> int:
    [path] = folder.rglob("stepfunctions.sqlite3")
    with closing(sqlite3.connect(path)) as file:
        return int(file.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
