"""Intrinsic functions, conditions and pseudo parameters as CloudFormation documents them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.intrinsics import TemplateScope, references

PSEUDO = {"AWS::Region": "us-east-1", "AWS::AccountId": "000000000000"}


def scope(template: dict[str, Any] | None = None, **values: str) -> TemplateScope:
    made = TemplateScope(template or {}, values, PSEUDO)
    made.add_resource("Queue", "http://q", {"Arn": "arn:q", "Tags.Name": "dotted"})
    return made


TEMPLATE = {
    "Parameters": {
        "Stage": {"Type": "String", "Default": "dev"},
        "Size": {"Type": "Number", "Default": 5},
        "Zones": {"Type": "CommaDelimitedList", "Default": "a, b,c"},
    },
    "Mappings": {"Sizes": {"dev": {"memory": 128, "names": ["x", "y"]}}},
    "Conditions": {
        "IsDev": {"Fn::Equals": [{"Ref": "Stage"}, "dev"]},
        "IsProd": {"Fn::Not": [{"Condition": "IsDev"}]},
        "IsFive": {"Fn::Equals": [{"Ref": "Size"}, "5"]},
        "Both": {"Fn::And": [{"Condition": "IsDev"}, {"Condition": "IsFive"}]},
        "Either": {"Fn::Or": [{"Condition": "IsProd"}, {"Condition": "IsFive"}]},
        "Neither": {"Fn::And": [{"Condition": "IsProd"}, {"Condition": "IsFive"}]},
    },
}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "Size"}, 5),
        ({"Ref": "Zones"}, ["a", "b", "c"]),
        ({"Ref": "Queue"}, "http://q"),
        ({"Ref": "AWS::Region"}, "us-east-1"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:q"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:q"),
        ({"Fn::GetAtt": "Queue.Tags.Name"}, "dotted"),
        ({"Fn::GetAtt": ["Queue", {"Fn::Sub": "A${X}"}]}, None),
        ({"Fn::Sub": "${Stage}-${AWS::Region}-${Queue.Arn}-${Size}"}, "dev-us-east-1-arn:q-5"),
        ({"Fn::Sub": ["${a}${Stage}", {"a": {"Ref": "Queue"}}]}, "http://qdev"),
        ({"Fn::Sub": ["${Stage}", {"Stage": "other"}]}, "other"),
        ({"Fn::Sub": "${!Literal} $Stage {Stage} $${Stage}"}, "${Literal} $Stage {Stage} $dev"),
        ({"Fn::Sub": ["${yes}${none}", {"yes": True, "none": {"Ref": "AWS::NoValue"}}]}, "true"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}, 5, True]]}, "a-dev-5-true"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b,c"),
        ({"Fn::Join": ["", []]}, ""),
        ({"Fn::Split": ["/", "a/b//c"]}, ["a", "b", "", "c"]),
        ({"Fn::Select": [1, {"Fn::Split": [":", "a:b:c"]}]}, "b"),
        ({"Fn::Select": ["2", {"Ref": "Zones"}]}, "c"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Stage"}, "memory"]}, 128),
        ({"Fn::FindInMap": ["Sizes", "dev", "names"]}, ["x", "y"]),
        ({"Fn::If": ["IsDev", "yes", {"Ref": "Nowhere"}]}, "yes"),
        ({"Fn::If": ["IsProd", {"Ref": "Nowhere"}, "no"]}, "no"),
        ({"Fn::Base64": {"Ref": "Stage"}}, "ZGV2"),
        ({"Condition": "a property of this name"}, {"Condition": "a property of this name"}),
        ({"Ref": "Stage", "Other": 1}, {"Ref": "Stage", "Other": 1}),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ({"a": {"Fn::If": ["IsProd", 1, {"Ref": "AWS::NoValue"}]}}, {}),
    ],
)
def test_an_expression_should_yield_what_aws_documents(expression: Any, value: Any) -> None:
    if value is None:
        with pytest.raises(TemplateError, match="Unresolved resource dependency X"):
            scope(TEMPLATE).resolve(expression)
    else:
        assert scope(TEMPLATE).resolve(expression) == value


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("IsDev", True),
        ("IsProd", False),
        ("IsFive", True),
        ("Both", True),
        ("Either", True),
        ("Neither", False),
    ],
)
def test_a_condition_should_hold_as_written(name: str, holds: bool) -> None:
    assert scope(TEMPLATE).condition_holds(name) is holds


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ({"Ref": "Nowhere"}, "Unresolved resource dependency Nowhere"),
        ({"Ref": ["Stage"]}, "Unresolved resource dependency"),
        ({"Fn::GetAtt": "Nowhere.Arn"}, "Unresolved resource dependency Nowhere"),
        ({"Fn::GetAtt": ["Queue", "Colour"]}, "Queue has no attribute Colour; it has Arn"),
        ({"Fn::GetAtt": ["Queue"]}, "Fn::GetAtt takes a list of 2"),
        ({"Fn::Sub": "${Nowhere}"}, "Unresolved resource dependency Nowhere"),
        ({"Fn::Sub": "${Zones}"}, "Fn::Sub of Zones needs text, not list"),
        ({"Fn::Sub": ["${a}"]}, "Fn::Sub takes a list of 2"),
        ({"Fn::Sub": [3, {}]}, "Fn::Sub takes text"),
        ({"Fn::Join": ["-", "ab"]}, "Fn::Join takes a separator and a list"),
        ({"Fn::Join": ["-", [["nested"]]]}, "Fn::Join needs text, not list"),
        ({"Fn::Split": ["", "ab"]}, "which is not empty"),
        ({"Fn::Split": [",", {"Ref": "Zones"}]}, "Fn::Split needs text, not list"),
        ({"Fn::Select": [3, ["a"]]}, "index 3 is outside a list of 1"),
        ({"Fn::Select": [-1, ["a"]]}, "takes a number from 0"),
        ({"Fn::FindInMap": ["Sizes", "prod", "memory"]}, "Mappings has no Sizes.prod.memory"),
        ({"Fn::FindInMap": ["Sizes", "dev", "memory", {"DefaultValue": 1}]}, "a list of 3"),
        ({"Fn::If": ["Unknown", 1, 2]}, "Unresolved condition dependency Unknown"),
        ({"Fn::If": ["IsDev", 1]}, "Fn::If takes a list of 3"),
        ({"Fn::Equals": ["a", "a"]}, "belongs in Conditions"),
        ({"Fn::ImportValue": "x"}, "does not know the intrinsic function Fn::ImportValue"),
        ({"Fn::Transform": {}}, "does not know the intrinsic function Fn::Transform"),
    ],
)
def test_a_wrong_expression_should_be_refused_by_name(expression: Any, words: str) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)):
        scope(TEMPLATE).resolve(expression)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"A": {"Condition": "B"}, "B": {"Fn::Not": [{"Condition": "A"}]}}, "Circular"),
        ({"A": {"Ref": "Stage"}}, "A condition is one of"),
        ({"A": "true"}, "A condition is one of"),
        ({"A": {"Fn::Not": ["false"]}}, "A condition is one of"),
        ({"A": {"Fn::And": [{"Fn::Equals": [1, 1]}]}}, "Fn::And takes a list of 2 to 10"),
        ({"A": {"Condition": "Missing"}}, "Unresolved condition dependency Missing"),
    ],
)
def test_a_wrong_condition_should_be_refused(conditions: Any, words: str) -> None:
    with pytest.raises(TemplateError, match=words):
        scope({**TEMPLATE, "Conditions": conditions}).condition_holds("A")


def test_a_condition_that_failed_should_be_asked_again() -> None:
    made = scope({**TEMPLATE, "Conditions": {"A": {"Condition": "Missing"}}})
    for _ in range(2):
        with pytest.raises(TemplateError, match="Missing"):
            made.condition_holds("A")


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_characters="$", exclude_categories=["Cs"]), max_size=10)


@given(parts=st.lists(st.tuples(PLAIN, NAMES, PLAIN), max_size=5), tail=PLAIN)
def test_sub_should_put_in_each_name_and_keep_all_else(
    parts: list[tuple[str, str, str]], tail: str
) -> None:
    values = {name: value for _, name, value in parts}
    template = "".join(f"{before}${{{name}}}" for before, name, _ in parts) + tail
    expected = "".join(f"{before}{values[name]}" for before, name, _ in parts) + tail
    assert scope().resolve({"Fn::Sub": [template, values]}) == expected


@given(text=st.text(st.characters(exclude_characters="}", exclude_categories=["Cs"]), max_size=20))
def test_sub_should_leave_an_escaped_name_as_text(text: str) -> None:
    assert scope().resolve({"Fn::Sub": f"<${{!{text}}}>"}) == f"<${{{text}}}>"


@given(text=PLAIN)
def test_sub_should_take_a_value_as_it_is(text: str) -> None:
    tricky = f"${{Other}}{text}\\1"
    assert scope().resolve({"Fn::Sub": ["${a}", {"a": tricky}]}) == tricky


@given(separator=st.text(min_size=1, max_size=3), items=st.lists(st.text(max_size=6), min_size=1))
def test_split_should_undo_join(separator: str, items: list[str]) -> None:
    joined = separator.join(items)
    assume(joined.split(separator) == items)
    joining = {"Fn::Join": [separator, items]}
    assert scope().resolve(joining) == joined
    assert scope().resolve({"Fn::Split": [separator, joining]}) == items


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    )
)
def test_what_has_no_expression_should_stay_as_it_is(value: Any) -> None:
    assert scope().resolve(value) == value
    assert references(value) == set()


def test_references_should_be_found_wherever_they_stand() -> None:
    value = {
        "a": [{"Ref": "One"}],
        "b": {"Fn::GetAtt": "Two.Arn"},
        "c": {"Fn::GetAtt": ["Three", {"Fn::Sub": "${Four}"}]},
        "d": {"Fn::Sub": "${Five.Arn} ${!Not} ${AWS::Region}"},
        "e": {"Fn::Sub": ["${local} ${Six}", {"local": {"Ref": "Seven"}}]},
        "f": {"Fn::If": ["Cond", {"Ref": "Eight"}, {"Fn::Join": ["", [{"Ref": "Nine"}]]}]},
    }
    names = {"One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"}
    assert references(value) == names | {"AWS::Region"}
