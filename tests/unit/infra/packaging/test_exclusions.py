"""What is left out of bundles."""

from __future__ import annotations

import ast
import gzip
import json
import re
from pathlib import Path

import botocore.session

from infra.packaging.exclusions import EVERYWHERE, SERVICES, WITHIN, left_out, prune, undocumented

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
    linked = tmp_path.with_name("kept-by-the-installer.json")
    linked.hardlink_to(data / "endpoints.json")
    prune(tmp_path)
    assert json.loads(linked.read_text()) == {"partitions": [partition]}
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
