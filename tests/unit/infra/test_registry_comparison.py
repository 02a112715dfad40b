from __future__ import annotations

import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cli.main import headrace
from infra.models.registry import (
    RegisteredVersion,
    Registry,
    VersionMeasurements,
    VersionNotFoundError,
    arn_of,
    comparison_rows,
    read_measurements,
    sparkline,
)

VERSION = RegisteredVersion(
    "arn:1", "headrace-dev-vae", 2, "Approved", "s3://b/models/m.tar.gz", {}
)


def looked(**numbers: float) -> VersionMeasurements:
    return VersionMeasurements(VERSION, numbers, {})


class Bucket:
    """S3 with one object."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def get_object(self, **wanted: str) -> dict[str, Any]:
        assert wanted == {"Bucket": "b", "Key": "models/m.tar.gz"}
        return {"Body": io.BytesIO(self.body)}


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name.replace("_", "."))
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


def spoilt() -> bytes:
    """Return an archive that breaks off within a file, by what is no deflated data."""
    info = tarfile.TarInfo("evaluation.json")
    info.size = 2_000_000
    packing = zlib.compressobj(wbits=31)
    begun = packing.compress(info.tobuf() + bytes(1_000_000)) + packing.flush(zlib.Z_FULL_FLUSH)
    return begun + b"\xff" * 64


def registry_of(body: bytes) -> Registry:
    return Registry(lambda _: Bucket(body))


def test_should_read_numbers_and_history_of_what_a_version_left() -> None:
    lines = '{"step": 1, "loss": 3.0}\n{"step": 2, "loss": 2.5}\n{"step": 3, "lo'
    body = packed(evaluation_json=json.dumps({"fid": 5}), history_jsonl=lines)
    found = read_measurements(registry_of(body), VERSION)
    assert found.numbers == {"fid": 5.0}
    assert found.history == {1: {"loss": 3.0}, 2: {"loss": 2.5}}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"\x1f\x8b cut short", "no whole archive"),
        (spoilt(), "no whole archive"),
        (packed(history_jsonl=""), "no whole evaluation.json"),
        (packed(evaluation_json="[1]"), "no whole evaluation.json"),
        (packed(evaluation_json='{"fid": "low"}'), "no whole evaluation.json"),
    ],
    ids=["archive", "spoilt", "missing", "list", "text"],
)
def test_should_say_what_of_a_version_is_broken(body: bytes, told: str) -> None:
    with pytest.raises(VersionNotFoundError, match=f"s3://b/models/m.tar.gz (is|has) {told}"):
        read_measurements(registry_of(body), VERSION)


def test_should_show_each_number_of_either_and_the_difference() -> None:
    found = comparison_rows(looked(fid=5.0, recognised=0.98), looked(fid=4.5, classes=10))
    assert found == [
        ("fid", "5", "4.5", "-0.5"),
        ("recognised", "0.98", "", ""),
        ("classes", "", "10", ""),
    ]


def test_a_curve_should_go_from_its_lowest_to_its_highest() -> None:
    assert sparkline([0.0, 1.0, 2.0, 7.0]) == "▁▂▃█"
    assert sparkline([3.0, 3.0]) == "▁▁"
    assert sparkline([]) == ""
    falling = sparkline([float(-at) for at in range(1000)])
    assert falling[0] == "█"
    assert falling[-1] == "▁"


@given(values=st.lists(st.floats(-1e6, 1e6), max_size=300), width=st.integers(1, 100))
def test_a_curve_should_be_no_wider_than_it_may(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(len(values), width)


def test_a_version_should_be_named_by_its_arn_or_its_group_and_number() -> None:
    arn = "arn:aws:sagemaker:eu-west-1:000000000001:model-package/headrace-dev-vae/2"
    assert arn_of("eu-west-1", "000000000001", "headrace-dev-vae/2") == arn
    assert arn_of("us-east-1", "000000000002", arn) == arn


@pytest.mark.parametrize("command", [["versions", "vae"], ["compare", "a/1", "a/2"]])
def test_the_commands_should_say_that_no_local_cloud_runs(
    tmp_path: Path, command: list[str]
) -> None:
    asked = ["models", *command, "--data-dir", str(tmp_path)]
    failed = CliRunner().invoke(headrace, asked).exception
    assert "no running local cloud's file" in str(failed)


def test_versions_of_no_recipe_should_name_those_that_there_are() -> None:
    failed = CliRunner().invoke(headrace, ["models", "versions", "vea"]).exception
    assert "There is no recipe 'vea'; there are " in str(failed)
    assert ", vae, " in str(failed)
