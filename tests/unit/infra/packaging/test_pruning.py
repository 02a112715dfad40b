"""What is left out of bundles, and bytecode for what is left."""

from __future__ import annotations

import ast
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest

from infra.packaging.bytecode import Compiler
from infra.packaging.failures import CannotPackage
from infra.packaging.pruning import EVERYWHERE, SERVICES, WITHIN, left_out, prune, undocumented

ROOT = Path(__file__).parents[4]


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


def test_every_service_that_adapters_call_should_stay() -> None:
    clients = (ROOT / "chalicelib" / "adapters" / "aws.py").read_bytes()
    words = {node.value for node in ast.walk(ast.parse(clients)) if isinstance(node, ast.Constant)}
    called = words & set(botocore.session.get_session().get_available_services())
    assert {"dynamodb", "s3", "s3vectors"} <= called <= SERVICES


def test_what_belongs_to_a_package_should_go_only_beside_it(tmp_path: Path) -> None:
    for folder in ("chalice", "chalice/deploy", "yaml", "numpy/_core"):
        (tmp_path / folder).mkdir(parents=True)
    for file in (
        "chalice/app.py",
        "chalice/local.py",
        "chalice/__init__.py",
        "chalice/awsclient.py",
    ):
        (tmp_path / file).touch()
    prune(tmp_path)
    assert {file.name for file in (tmp_path / "chalice").iterdir()} == {
        "__init__.py",
        "app.py",
        "local.py",
    }
    assert not (tmp_path / "yaml").exists()
    other = tmp_path / "other"
    (other / "yaml").mkdir(parents=True)
    prune(other)
    assert (other / "yaml").is_dir()


def test_what_belongs_to_a_package_should_go_where_another_makes_it_superfluous(
    tmp_path: Path,
) -> None:
    for place in ("chalice", "pyyaml/yaml", "click/click", "pillow/PIL"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "chalice" / "chalice").mkdir()
    (tmp_path / "pillow" / "PIL" / "_avif.so").touch()
    chalice, yaml, click, pillow = (
        tmp_path / name for name in ("chalice", "pyyaml", "click", "pillow")
    )
    assert left_out([chalice, yaml, click, pillow]) == {yaml / "yaml", click / "click"}
    assert left_out([yaml, click, pillow]) == set()
    (chalice / "rapidocr").mkdir()
    assert left_out([chalice, pillow]) == {pillow / "PIL" / "_avif.so"}


def test_each_rule_should_say_why() -> None:
    for patterns in (EVERYWHERE, *WITHIN.values()):
        assert all(re.match(r"\w+", reason) for reason in patterns.values())


COMPILER = Compiler(Path(sys.executable))


def test_bytecode_should_be_run_without_a_look_at_the_source(tmp_path: Path) -> None:
    source = tmp_path / "thing.py"
    source.write_text("print('compiled')")
    COMPILER.compile_all(tmp_path)
    source.write_text("print('read')")
    command = [
        sys.executable,
        "-I",
        "-c",
        f"import sys; sys.path[:0] = [{str(tmp_path)!r}]; import thing",
    ]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
    assert said.stdout == "compiled\n"


def test_bytecode_should_not_tell_where_and_beside_what_it_was_made(tmp_path: Path) -> None:
    source = "NAMES = {'one', 'two', 'three', 'four'}\ndef f(a):\n    return a in {'x', 'y', 'z'}\n"
    made = []
    for folder in ("a", "somewhere/else"):
        place = tmp_path / folder
        place.mkdir(parents=True)
        (place / "thing.py").write_text(source)
        made.append(place)
    (made[1] / "a_neighbour.py").write_text("NAMES = {'one', 'z', 'three'}\ndef f(a): return a\n")
    for place in made:
        COMPILER.compile_all(place)
    one, other = (next(place.glob("__pycache__/thing.*.pyc")).read_bytes() for place in made)
    assert one == other


def test_a_source_that_does_not_compile_should_be_named(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def f(:\n")
    with pytest.raises(CannotPackage, match=r"broken\.py"):
        COMPILER.compile_all(tmp_path)
