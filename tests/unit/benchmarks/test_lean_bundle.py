from __future__ import annotations

import gzip
import json
import subprocess
import sys
from pathlib import Path

from benchmarks.lean_bundle import compile_all, prune, undocumented


def test_prose_should_go_and_members_of_its_name_stay() -> None:
    described = {
        "documentation": "<p>Long.</p>",
        "members": {"documentation": {"shape": "String", "documentation": "Long."}},
        "list": [{"documentation": "Long.", "shape": "Short"}],
    }
    assert undocumented(described) == {
        "documentation": "",
        "members": {"documentation": {"shape": "String", "documentation": ""}},
        "list": [{"documentation": "", "shape": "Short"}],
    }


def test_pruning_should_leave_the_services_that_are_called(tmp_path: Path) -> None:
    data = tmp_path / "botocore" / "data"
    for service in ("s3", "ec2"):
        (data / service / "1").mkdir(parents=True)
        packed = gzip.compress(json.dumps({"documentation": "Long.", "shapes": {}}).encode())
        (data / service / "1" / "service-2.json.gz").write_bytes(packed)
    partition = {"partition": "aws", "services": {"s3": {}, "ec2": {}}}
    (data / "endpoints.json").write_text(json.dumps({"partitions": [partition]}))
    (tmp_path / "thing-1.dist-info").mkdir()
    prune(tmp_path)
    left = {str(file.relative_to(data)) for file in tmp_path.rglob("*") if file.is_file()}
    assert left == {"endpoints.json", "s3/1/service-2.json"}
    assert json.loads((data / "s3/1/service-2.json").read_text()) == {
        "documentation": "",
        "shapes": {},
    }
    kept = json.loads((data / "endpoints.json").read_text())["partitions"][0]["services"]
    assert kept == {"s3": {}}


def test_bytecode_should_be_run_without_a_look_at_the_source(tmp_path: Path) -> None:
    source = tmp_path / "thing.py"
    source.write_text("print('compiled')")
    compile_all(tmp_path)
    source.write_text("print('read')")
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import thing",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout == "compiled\n"
