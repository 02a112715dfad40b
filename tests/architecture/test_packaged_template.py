"""The template of a package: no bundle has to be made for that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from infra.packaging import template
from infra.packaging.bundles import APP, bundle_name, module_of
from infra.packaging.targets import TARGETS
from tests.architecture.ingest_definition import ROOT
from tests.architecture.templates import key_of, merged, packaged


def functions(made: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    return {
        name: each["Properties"] for name, each in made["Resources"].items() if each["Type"] == kind
    }


def test_each_function_should_take_its_bundle_from_the_artifacts_bucket() -> None:
    made = packaged("arm64")
    found = functions(made, "AWS::Lambda::Function")
    assert set(found) >= set(template.handlers(merged()))
    for name, handler in template.handlers(merged()).items():
        assert found[name]["Code"] == {
            "S3Bucket": {"Ref": "ArtifactsBucket"},
            "S3Key": key_of(handler),
        }
    assert "Default" not in made["Parameters"]["ArtifactsBucket"]


def test_a_package_should_be_for_one_architecture() -> None:
    for architecture in TARGETS:
        parameter = packaged(architecture)["Parameters"]["Architecture"]
        assert parameter["Default"] == architecture
        assert parameter["AllowedValues"] == [architecture]


def test_it_should_be_the_same_every_time_and_leave_what_it_is_made_of_alone() -> None:
    before = json.dumps(merged())
    again = template.plain(merged(), "prod", "eu-central-1", "arm64", key_of)
    assert json.dumps(packaged("arm64")) == json.dumps(again)
    assert json.dumps(merged()) == before


def test_the_sam_template_should_stand_by_itself() -> None:
    made = template.sam(merged(), lambda handler: f"functions/{bundle_name(handler)}.zip")
    assert made["Transform"] == "AWS::Serverless-2016-10-31"
    for properties in functions(made, "AWS::Serverless::Function").values():
        assert properties["CodeUri"].startswith("functions/")
    for properties in functions(made, "AWS::Serverless::StateMachine").values():
        assert "States" in properties["Definition"]
        assert "DefinitionUri" not in properties
    assert str(ROOT) not in json.dumps(made)


def test_every_handler_should_have_a_bundle_with_its_module() -> None:
    handlers = set(template.handlers(merged()).values())
    assert {bundle_name(each) for each in handlers if each.startswith("app.")} == {APP}
    for handler in handlers:
        assert handler.rpartition(".")[0] == module_of(bundle_name(handler))
        assert (ROOT / Path(*handler.split(".")[:-1])).with_suffix(".py").is_file()
