"""The plain template: nothing of SAM is left, and every name in it leads somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from functions.run_model.handler import TASKS
from infra.cloudformation.intrinsics import references
from infra.synthesis.__main__ import main
from infra.synthesis.cache import cached_synthesis
from infra.synthesis.state_machines import read_definition

ROOT = Path(__file__).parents[3]
MACHINES = ROOT / "statemachines"
PSEUDO = {
    "AWS::AccountId",
    "AWS::NoValue",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackName",
    "AWS::URLSuffix",
}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    """Return the template of a stage, made as the local cloud and a deployment make it."""
    made: dict[str, Any] = json.loads(cached_synthesis(ROOT, "--stage", "try"))
    return made


def of_type(template: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {
        logical_id: resource["Properties"]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == name
    }


def test_nothing_of_sam_should_be_left(template: dict[str, Any]) -> None:
    assert "Transform" not in template
    assert "Globals" not in template
    types = {resource["Type"] for resource in template["Resources"].values()}
    assert not [name for name in types if name.startswith("AWS::Serverless")]


def test_every_reference_should_lead_to_a_resource_or_a_parameter(template: dict[str, Any]) -> None:
    known = {*template["Resources"], *template["Parameters"], *PSEUDO}
    resources = {k: v["Properties"] for k, v in template["Resources"].items()}
    assert references([resources, template["Outputs"]]) - known == set()


def test_every_handler_should_be_there(template: dict[str, Any]) -> None:
    handlers = {each["Handler"] for each in of_type(template, "AWS::Lambda::Function").values()}
    rooms = {file.parent.name for file in (ROOT / "functions").glob("*/handler.py")}
    modules = {handler.rpartition(".")[0] for handler in handlers}
    assert {f"functions.{room}.handler" for room in rooms} <= modules
    assert {f"functions.run_model.handler.{task}" for task in TASKS} <= handlers
    script = (
        "import importlib, sys\n"
        "for handler in sys.argv[1:]:\n"
        "    module, _, name = handler.rpartition('.')\n"
        "    assert callable(getattr(importlib.import_module(module), name)), handler\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *sorted(handlers)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def test_a_definition_should_be_the_tested_file_with_every_substitution(
    template: dict[str, Any],
) -> None:
    machines = of_type(template, "AWS::StepFunctions::StateMachine")
    files = {file.name.removesuffix(".asl.json") for file in MACHINES.glob("*.asl.json")}
    called = {name: snake(name.removesuffix("Machine")) for name in machines}
    assert set(called.values()) == files
    for name, machine in machines.items():
        file = MACHINES / f"{called[name]}.asl.json"
        assert machine["Definition"] == read_definition(file)
        assert "DefinitionS3Location" not in machine
        used = set(re.findall(r"\$\{(\w+)\}", file.read_text()))
        assert used == set(machine["DefinitionSubstitutions"])


def test_every_function_should_have_a_role_of_its_own_and_one_architecture(
    template: dict[str, Any],
) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    roles = [json.dumps(each["Role"]) for each in functions.values()]
    assert len(set(roles)) == len(roles)
    assert {json.dumps(each["Architectures"]) for each in functions.values()} == {
        '[{"Ref": "Architecture"}]'
    }
    assert {each["Runtime"] for each in functions.values()} == {"python3.13"}


def test_a_stage_should_be_in_the_names_that_chalice_makes(template: dict[str, Any]) -> None:
    mappings = of_type(template, "AWS::Lambda::EventSourceMapping").values()
    queues = json.dumps([mapping["EventSourceArn"] for mapping in mappings])
    assert set(re.findall(r"headrace-try-(\w+)", queues)) == {"inbox", "schedules", "webhooks"}
    for mapping in mappings:
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_snapshots_before_sam_is_translated_should_be_refused_as_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(["--merged", "--snap-start", "Sweep"])
    assert refused.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "--snap-start goes without --merged" in said.err
