from __future__ import annotations

from pathlib import Path

import pytest
from chalice.package import YAMLTemplateSerializer

from infra.synthesis.sources import add_defaults, files_of, read_sources, read_yaml
from tests.cloud import PROJECT

QUEUE = "  Type: AWS::SQS::Queue\n"
MACHINE = "  Type: AWS::Serverless::StateMachine\n  Properties:\n    DefinitionUri: ../m.asl.json\n"


def project(folder: Path, **rooms: str) -> Path:
    (folder / "infra" / "template").mkdir(parents=True)
    (folder / "infra" / "template.yaml").write_text("Description: whole\n")
    for name, resources in rooms.items():
        (folder / "infra" / "template" / f"{name}.yaml").write_text(resources)
    return folder


def resource(name: str, body: str) -> str:
    return f"Resources:\n  {name}:\n" + "".join(f"  {line}\n" for line in body.splitlines())


def test_rooms_should_make_one_template(tmp_path: Path) -> None:
    written = read_sources(project(tmp_path, a=resource("One", QUEUE), b=resource("Two", QUEUE)))
    assert written["Description"] == "whole"
    assert list(written["Resources"]) == ["One", "Two"]


def test_a_name_given_twice_should_be_refused_with_its_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"b\.yaml: Resources has a second One"):
        read_sources(project(tmp_path, a=resource("One", QUEUE), b=resource("One", QUEUE)))


def test_a_section_given_twice_should_be_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Description is given a second time"):
        read_sources(project(tmp_path, a="Description: again\n"))


def test_a_definition_should_be_found_from_the_file_that_names_it(tmp_path: Path) -> None:
    written = read_sources(project(tmp_path, a=resource("Machine", MACHINE)))
    assert written["Resources"]["Machine"]["Properties"]["DefinitionUri"] == str(
        tmp_path / "infra" / "m.asl.json"
    )


def test_every_file_of_the_product_should_hold_resources_or_the_whole() -> None:
    whole, *rooms = files_of(PROJECT)
    assert whole.name == "template.yaml"
    assert rooms
    for room in rooms:
        sections = read_yaml(room)
        assert {"Resources"} <= sections.keys() <= {"Parameters", "Conditions", "Resources"}, room


def test_the_product_s_files_should_be_read_as_chalice_reads_them() -> None:
    for file in files_of(PROJECT):
        assert read_yaml(file) == YAMLTemplateSerializer().load_template(file.read_text(), "")


def test_short_forms_should_be_written_out(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(
        "a: !Ref B\nb: !GetAtt C.D.E\nc: !Join [x, [!Sub '${F}', g]]\nd: !If {h: [i]}\n"
    )
    assert read_yaml(file) == {
        "a": {"Ref": "B"},
        "b": {"Fn::GetAtt": ["C", "D.E"]},
        "c": {"Fn::Join": ["x", [{"Fn::Sub": "${F}"}, "g"]]},
        "d": {"Fn::If": {"h": ["i"]}},
    }


def test_what_is_no_yaml_should_be_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [\n")
    with pytest.raises(ValueError, match=r"a\.yaml is not YAML"):
        read_yaml(tmp_path / "a.yaml")


def test_what_costs_should_be_tagged_with_its_room(tmp_path: Path) -> None:
    function = "  Type: AWS::Serverless::Function\n  Properties:\n    Tags: {own: tag}\n"
    written = read_sources(project(tmp_path, a=resource("One", QUEUE), b=resource("Two", function)))
    assert written["Resources"]["One"]["Properties"]["Tags"] == [
        {"Key": "headrace:component", "Value": "a"}
    ]
    assert written["Resources"]["Two"]["Properties"]["Tags"] == {
        "own": "tag",
        "headrace:component": "b",
    }


def test_a_stage_should_have_defaults_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "defaults.yaml").write_text("prod: {Kept: 'on'}\nbad: {Lost: 1}\n")
    defaults = {}
    for stage in ("prod", "dev"):
        template = {"Parameters": {"Kept": {"Type": "String", "Default": "off"}}}
        add_defaults(template, tmp_path, stage)
        defaults[stage] = template["Parameters"]["Kept"]["Default"]
    assert defaults == {"prod": "on", "dev": "off"}
    with pytest.raises(ValueError, match="bad has a default for Lost, which is no parameter"):
        add_defaults(template, tmp_path, "bad")
