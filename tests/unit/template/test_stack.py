"""Applying a template: order, refusals, what is made once and what is made again."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.cloudformation.errors import TemplateError
from localcloud.template.validation import check_template, creation_order
from tests.unit.template.conftest import NewStack, Things

Apply = Callable[..., dict[str, Any]]


def thing(**more: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: more.pop(key) for key in ("DependsOn", "Condition", "Type") if key in more
    }
    return {"Type": "Test::Thing", **kept, "Properties": more}


def made(things: Things) -> list[str]:
    names = [logical_id for logical_id, _ in things.made]
    things.made.clear()
    return names


def test_each_should_come_after_what_it_needs(apply: Apply, things: Things) -> None:
    apply(
        {
            "A": thing(Uses={"Ref": "C"}),
            "B": thing(DependsOn="A"),
            "C": thing(Uses=[{"Fn::Sub": "x${D.Arn}"}]),
            "D": thing(),
            "E": thing(DependsOn=["B", "D"]),
        }
    )
    assert made(things) == ["D", "C", "A", "B", "E"]


def test_a_circle_should_be_named_without_what_hangs_on_it() -> None:
    resources = {
        "A": thing(Uses={"Ref": "B"}),
        "B": thing(DependsOn="A"),
        "Behind": thing(Uses={"Ref": "A"}),
    }
    with pytest.raises(TemplateError, match=r"Circular dependency between resources: \[A, B\]"):
        creation_order(resources, resources)
    alone = {"A": thing(Uses={"Ref": "A"})}
    with pytest.raises(TemplateError, match=r"\[A\]"):
        creation_order(alone, alone)


def test_a_dependency_on_nothing_should_be_refused(apply: Apply) -> None:
    with pytest.raises(TemplateError, match=r"Unresolved resource dependencies \[Nowhere\]"):
        apply({"A": thing(DependsOn="Nowhere")})
    with pytest.raises(TemplateError, match="Unresolved resource dependency Nowhere"):
        apply({"A": thing(Uses={"Ref": "Nowhere"})})


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({}, "At least one Resources member"),
        ({"Resources": {}}, "At least one Resources member"),
        ({"Resources": {"A": thing()}, "Transform": "x"}, "The template has unknown members: Tra"),
        ({"Resources": {"A": {"Properties": {}}}}, "[/Resources/A] Every Resources object"),
        ({"Resources": {"A": {**thing(), "Colour": 1}}}, "Resource A has unknown members: Colour"),
        (
            {"Resources": {"A": {"Type": "AWS::EC2::Instance"}}},
            "Unrecognized resource types: [AWS::EC2::Instance] (A). The local cloud knows Test::",
        ),
        (
            {"Resources": {"A": thing(Colour=1, Age=2)}},
            "for resource A: extraneous key [Age, Colour] is not known for Test::Thing",
        ),
        (
            {"Resources": {"A": {"Type": "Test::Demanding"}}},
            "for resource A: required key [Needs] not found",
        ),
        ({"Resources": {"A": {"Type": "Test::Thing", "Properties": []}}}, "must be an object"),
    ],
)
def test_what_is_not_known_should_be_refused_by_name(
    template: Any, words: str, things: Things
) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)):
        check_template(template, things.types)


def test_nothing_should_be_made_of_a_template_that_is_refused(apply: Apply, things: Things) -> None:
    with pytest.raises(TemplateError):
        apply({"A": thing(), "B": {"Type": "Nobody::Knows"}})
    assert made(things) == []


def test_policies_of_deletion_and_inert_properties_should_be_accepted(
    apply: Apply, things: Things
) -> None:
    kept = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Delete", "Metadata": {"x": 1}}
    apply({"A": {**thing(Tags=[{"Key": "k", "Value": "v"}]), **kept}})
    assert made(things) == ["A"]


def test_applying_twice_should_make_nothing_again(apply: Apply, things: Things) -> None:
    resources = {"A": thing(), "B": thing(Uses={"Fn::GetAtt": "A.Arn"})}
    outputs = {"Name": {"Value": {"Ref": "B"}}}
    first = apply(resources, Outputs=outputs)
    assert made(things) == ["A", "B"]
    assert apply(resources, Outputs=outputs) == first
    assert made(things) == []


def test_only_what_changed_and_what_sees_it_should_be_looked_at_again(
    apply: Apply, things: Things
) -> None:
    def resources(name: str) -> dict[str, Any]:
        return {
            "A": thing(Name=name),
            "B": thing(Uses={"Fn::GetAtt": "A.Arn"}),
            "C": thing(Uses="constant"),
        }

    apply(resources("one"))
    made(things)
    apply(resources("two"))
    assert things.made[-1] == ("B", {"Uses": "arn:two"})
    assert made(things) == ["A", "B"]


def test_what_lives_in_memory_should_be_made_at_every_start(apply: Apply, things: Things) -> None:
    resources = {"A": thing(Type="Test::InMemory"), "B": thing()}
    apply(resources)
    made(things)
    apply(resources)
    assert made(things) == ["A"]


def test_a_new_port_should_resolve_addresses_anew(apply: Apply, things: Things) -> None:
    resources = {"A": thing(Name="q"), "B": thing(Uses={"Fn::GetAtt": "A.Url"})}
    outputs = {"Url": {"Value": {"Fn::GetAtt": "A.Url"}}}
    apply(resources, Outputs=outputs)
    assert apply(resources, port=9, Outputs=outputs) == {"Url": "http://127.0.0.1:9/q"}
    assert things.made[-1] == ("B", {"Uses": "http://127.0.0.1:9/q"})


@pytest.mark.parametrize("damage", [None, "", "{", "[1"])
def test_a_lost_memory_should_make_everything_again_under_the_same_names(
    apply: Apply, things: Things, tmp_path: Path, damage: str | None
) -> None:
    resources, outputs = {"A": thing()}, {"Name": {"Value": {"Ref": "A"}}}
    first = apply(resources, Outputs=outputs)
    memory = tmp_path / "data" / "template" / "stack.json"
    memory.unlink() if damage is None else memory.write_text(damage)
    made(things)
    assert apply(resources, Outputs=outputs) == first
    assert made(things) == ["A"]


def test_what_left_the_template_should_be_named(
    apply: Apply, caplog: pytest.LogCaptureFixture
) -> None:
    apply({"A": thing(Name="one"), "B": thing(Name="two")})
    with caplog.at_level(logging.WARNING):
        apply({"A": thing(Name="one")})
    assert "B is no longer in the template; two is left" in caplog.text


def test_a_name_that_changed_should_be_named_and_a_port_should_not(
    apply: Apply, caplog: pytest.LogCaptureFixture
) -> None:
    apply({"A": thing(Name="one")})
    with caplog.at_level(logging.WARNING):
        apply({"A": thing(Name="one")}, port=9)
        assert caplog.text == ""
        apply({"A": thing(Name="two")}, port=9)
    assert "A is now two; one is left" in caplog.text


def test_a_failure_should_name_its_resource_and_keep_what_was_made(
    apply: Apply, things: Things
) -> None:
    resources = {"A": thing(), "B": thing(Fails="too blue", DependsOn="A")}
    with pytest.raises(TemplateError, match=r"B \(Test::Thing\) cannot be made: too blue"):
        apply(resources)
    assert made(things) == ["A"]
    apply({"A": thing(), "B": thing(DependsOn="A")})
    assert made(things) == ["B"]
    with pytest.raises(TemplateError, match=r"C \(Test::Thing\) lacks 'Member'"):
        apply({"C": thing(Lacks={})})


def test_a_resource_whose_condition_does_not_hold_should_not_exist(
    apply: Apply, things: Things
) -> None:
    outputs = apply(
        {
            "A": thing(Condition="Never"),
            "B": thing(DependsOn="A", Uses={"Fn::If": ["Never", {"Ref": "A"}, "other"]}),
        },
        Conditions={"Never": {"Fn::Equals": ["a", "b"]}},
        Outputs={
            "Gone": {"Value": {"Ref": "A"}, "Condition": "Never"},
            "Here": {"Value": {"Fn::Sub": "${AWS::StackName}-${AWS::Partition}"}},
        },
    )
    assert made(things) == ["B"]
    assert outputs == {"Here": "stack-aws"}


def test_names_should_differ_however_long_their_ids_are(new_stack: NewStack) -> None:
    shop = new_stack()
    long = "A" * 90
    names = {shop.physical_name(long), shop.physical_name(long + "B"), shop.physical_name("A")}
    assert len(names) == 3
    assert all(len(name) <= 63 and name == name.lower() for name in names)
    assert shop.physical_name("A") == new_stack().physical_name("A")
    assert shop.physical_name("A") != new_stack(name="other").physical_name("A")
