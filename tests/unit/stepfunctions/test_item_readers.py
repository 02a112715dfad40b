"""Files that ItemReader reads and refuses.

https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.stepfunctions.bench import Bench, refusal
from tests.unit.stepfunctions.test_map_runs import Bucket, mapped, reader

INVENTORY = {
    "destinationBucket": "arn:aws:s3:::b",
    "fileFormat": "CSV",
    "fileSchema": "Bucket, Key",
    "files": [{"key": "data.csv.gz"}],
}
FILES = {
    "inventory": json.dumps(INVENTORY).encode(),
    "data.csv.gz": gzip.compress(b'"b","x"\n"b","y"\n'),
    "query-manifest.csv": b"s3://b/in/one\ns3://b/in/two.gz\n",
    "in/one": b'{"a":1}\n',
    "in/two.gz": gzip.compress(b'{"a":2}\n{"a":3}\n'),
}
ROWS = [{"Bucket": "b", "Key": "x"}, {"Bucket": "b", "Key": "y"}]


def read(tmp_path: Path, key: str, config: dict[str, Any]) -> dict[str, Any]:
    parameters = {"Bucket": "b", "Key": key}
    item_reader = {**reader(config=config), "Parameters": parameters}
    bench = Bench(tmp_path, Bucket(FILES).answers())
    return bench.run(mapped(ItemReader=item_reader))


@pytest.mark.parametrize(
    ("key", "config", "items"),
    [
        ("inventory", {"InputType": "MANIFEST"}, ROWS),
        ("inventory", {"ManifestType": "S3_INVENTORY"}, ROWS),
        ("inventory", {"InputType": "MANIFEST", "ManifestType": "S3_INVENTORY"}, ROWS),
        (
            "query-manifest.csv",
            {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"},
            [{"a": 1}, {"a": 2}, {"a": 3}],
        ),
        (
            "query-manifest.csv",
            {
                "InputType": "CSV",
                "CSVHeaderLocation": "GIVEN",
                "CSVHeaders": ["line"],
                "ManifestType": "ATHENA_DATA",
                "MaxItems": 1,
            },
            [{"line": '{"a":1}'}],
        ),
    ],
)
def test_items_are_those_of_the_files_that_a_manifest_lists(
    key: str, config: dict[str, Any], items: list[Any], tmp_path: Path
) -> None:
    assert json.loads(read(tmp_path, key, config)["output"]) == items


def test_a_manifest_that_lists_no_files_of_s3_fails_the_map(tmp_path: Path) -> None:
    described = read(tmp_path, "in/one", {"InputType": "JSONL", "ManifestType": "ATHENA_DATA"})
    assert described["error"] == "States.ItemReaderFailed"
    assert described["cause"] == 'The manifest names no file of S3: {"a":1}'


def test_files_of_a_prefix_are_loaded_and_flattened(tmp_path: Path) -> None:
    objects = {"in/1": b"1\n2\n", "in/2": b"3", "other": b"4"}
    bench = Bench(tmp_path, Bucket(objects).answers())
    config = {"InputType": "JSONL", "Transformation": "LOAD_AND_FLATTEN"}
    described = bench.run(mapped(ItemReader=reader("listObjectsV2", config)))
    assert json.loads(described["output"]) == [1, 2, 3]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            {"InputType": "PARQUET"},
            "The local cloud cannot read the InputType PARQUET; it works on AWS only",
        ),
        (
            {"InputType": "XML"},
            "Value should be one of the following: [CSV, JSON, JSONL, MANIFEST]",
        ),
        (
            {"ManifestType": "S3_INVENTORY", "InputType": "CSV", "CSVHeaderLocation": "FIRST_ROW"},
            "Field 'InputType' must not be set for the ManifestType S3_INVENTORY",
        ),
        (
            {"ManifestType": "ATHENA_DATA"},
            "The ManifestType ATHENA_DATA requires the InputType of its files",
        ),
        (
            {"Transformation": "LOAD_AND_FLATTEN"},
            "The Transformation LOAD_AND_FLATTEN requires an InputType",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_when_the_machine_is_created(
    config: dict[str, Any], words: str, bench: Bench
) -> None:
    code, message = refusal(lambda: bench.create(mapped(ItemReader=reader(config=config))))
    assert code == "InvalidDefinition"
    assert words in message
