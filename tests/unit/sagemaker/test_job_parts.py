"""What is read out of a job's lines, and what goes between S3 and its folders."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.sagemaker.cloudwatch import LineSplitter
from localcloud.sagemaker.jobs.s3_transfer import S3Transfer, TransferError
from localcloud.sagemaker.training.run import MetricReader

DEFINITIONS = [
    {"Name": "loss", "Regex": r"metric:loss=([^;]+);"},
    {"Name": "whole", "Regex": r"step=[0-9]+;"},
]


def test_should_keep_the_last_value_of_each_metric_and_when_it_came() -> None:
    times = iter([10.0, 20.0, 30.0])
    meter = MetricReader(DEFINITIONS, lambda: next(times))
    for line in ("step=1; metric:loss=0.5;", "nothing", "metric:loss=0.4; metric:loss=0.25;"):
        meter.read(line)
    assert meter.last_values() == {"loss": [0.25, 20.0]}


@pytest.mark.parametrize("value", ["nan", "inf", "much"])
def test_should_pass_over_what_is_no_number(value: str) -> None:
    meter = MetricReader(DEFINITIONS, lambda: 1.0)
    meter.read("metric:loss=0.5;")
    meter.read(f"metric:loss={value};")
    assert meter.last_values()["loss"] == [0.5, 1.0]


def test_should_cut_lines_wherever_the_output_was_cut() -> None:
    said: list[str] = []
    cutter = LineSplitter(said.append)
    for piece in (b"on", b"e\ntwo\nth", b"r\xc3", b"\xa9e"):
        cutter.feed(piece)
    cutter.flush()
    cutter.flush()
    assert said == ["one", "two", "thrée"]


class Objects:
    """S3, as far as a job uses it."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects
        self.put: list[str] = []

    def get_paginator(self, _: str) -> Objects:
        return self

    def paginate(self, **asked: str) -> list[dict[str, Any]]:
        found = [key for key in self.objects if key.startswith(asked["Prefix"])]
        return [{"Contents": [{"Key": key} for key in found]}]

    def get_object(self, **asked: str) -> dict[str, Any]:
        if asked["Key"] not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[asked["Key"]])}

    def put_object(self, **given: Any) -> None:
        if given["Bucket"] != "bucket":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutObject")
        self.objects[given["Key"]] = given["Body"].read()
        self.put.append(given["Key"])


def test_should_fetch_a_prefix_with_its_folders_and_one_object_by_its_key(tmp_path: Path) -> None:
    objects = Objects(**{"data/a": b"1", "data/deep/b": b"2", "data/": b"", "datum": b"3"})
    transfer = S3Transfer(objects)
    assert transfer.download("s3://bucket/data/", tmp_path / "one") == 2
    assert (tmp_path / "one" / "deep" / "b").read_bytes() == b"2"
    assert transfer.download("s3://bucket/datum", tmp_path / "other") == 1
    assert (tmp_path / "other" / "datum").read_bytes() == b"3"
    assert transfer.download("s3://bucket/none", tmp_path / "none") == 0


def test_should_let_no_object_lead_out_of_its_channel(tmp_path: Path) -> None:
    transfer = S3Transfer(Objects(**{"data/../../out": b"1"}))
    with pytest.raises(TransferError, match="leads out of the channel"):
        transfer.download("s3://bucket/data/", tmp_path / "in" / "channel")
    assert not (tmp_path / "out").exists()


def test_should_send_what_changed_alone(tmp_path: Path) -> None:
    folder, scratch = tmp_path / "checkpoints", tmp_path / "scratch"
    folder.mkdir()
    (folder / "one").write_bytes(b"1")
    (folder / ".one.part").write_bytes(b"half")
    objects = Objects()
    transfer = S3Transfer(objects)
    assert transfer.upload_changed(folder, "s3://bucket/at/", scratch) == 1
    assert transfer.upload_changed(folder, "s3://bucket/at/", scratch) == 0
    (folder / "one").write_bytes(b"longer")
    (folder / "two").write_bytes(b"2")
    assert transfer.upload_changed(folder, "s3://bucket/at/", scratch) == 2
    assert objects.objects == {"at/one": b"longer", "at/two": b"2"}
    assert not scratch.exists()


def test_should_say_what_s3_does_not_take_or_give(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    transfer = S3Transfer(Objects(broken=b"no archive"))
    with pytest.raises(TransferError, match="cannot be sent to s3://other/x"):
        transfer.upload_archive(tmp_path, "s3://other/x", tmp_path.parent / "packed")
    with pytest.raises(TransferError, match="cannot be downloaded"):
        transfer.download_archive("s3://bucket/none", tmp_path)
    with pytest.raises(TransferError, match="cannot be unpacked"):
        transfer.download_archive("s3://bucket/broken", tmp_path)


def test_should_pack_nothing_of_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    objects = Objects()
    assert not S3Transfer(objects).upload_archive(
        tmp_path / "empty", "s3://bucket/x", tmp_path / "packed"
    )
    assert objects.put == []
