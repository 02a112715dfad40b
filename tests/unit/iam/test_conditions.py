"""Condition operators, one by one, and what they say of a key that a request does not have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.iam.conditions import InvalidPolicy, parse_conditions

RULE = "arn:aws:events:us-east-1:000000000000:rule/inbox"


def holds(operator: str, key: str, values: Any, *given_values: str) -> bool:
    conditions = parse_conditions({operator: {key: values}}, "p")
    context = {key.lower(): given_values} if given_values else {}
    return all(condition.holds(context) for condition in conditions)


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "held"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringNotEquals", ["a", "b"], "c", True),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "KEY#*", "KEY#1", True),
        ("StringLike", "KEY#*", "TENANT#1", False),
        ("StringNotLike", "KEY#*", "TENANT#1", True),
        ("Bool", False, "false", True),
        ("Bool", "true", "false", False),
    ],
)
def test_text_should_be_compared_as_the_operator_says(
    operator: str, wanted: Any, value: str, held: bool
) -> None:
    assert holds(operator, "s3:prefix", wanted, value) is held


@pytest.mark.parametrize(
    ("pattern", "held"),
    [
        (RULE, True),
        ("arn:aws:events:*:000000000000:rule/*", True),
        ("arn:aws:events:us-east-1:000000000000:rule/in?ox", True),
        ("arn:aws:*:rule/inbox", False),
        ("arn:aws:events:us-east-1:000000000000:rule/other", False),
        ("*", False),
    ],
)
def test_an_arn_should_be_compared_part_by_part(pattern: str, held: bool) -> None:
    for operator in ("ArnEquals", "ArnLike"):
        assert holds(operator, "aws:SourceArn", pattern, RULE) is held
    assert holds("ArnNotLike", "aws:SourceArn", pattern, RULE) is not held


def test_an_absent_key_should_fulfil_only_what_aws_says_it_does() -> None:
    absent = {
        operator: holds(operator, "aws:SourceArn", "x")
        for operator in (
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIfExists",
            "Bool",
            "ForAllValues:StringLike",
            "ForAnyValue:StringLike",
        )
    }
    assert absent == {
        "StringEquals": False,
        "StringNotEquals": True,
        "StringEqualsIfExists": True,
        "Bool": False,
        "ForAllValues:StringLike": True,
        "ForAnyValue:StringLike": False,
    }


@given(st.lists(st.sampled_from(["KEY#a", "KEY#b", "OTHER"]), min_size=1, max_size=4))
def test_a_set_operator_should_ask_all_values_or_any(values: list[str]) -> None:
    key = "dynamodb:LeadingKeys"
    fit = [value.startswith("KEY#") for value in values]
    assert holds("ForAllValues:StringLike", key, "KEY#*", *values) is all(fit)
    assert holds("ForAnyValue:StringLike", key, "KEY#*", *values) is any(fit)


def test_every_operator_and_every_key_should_have_to_hold() -> None:
    conditions = parse_conditions(
        {
            "StringEquals": {"aws:SourceAccount": "1", "s3:prefix": "a"},
            "ArnLike": {"aws:SourceArn": RULE},
        },
        "p",
    )
    context = {"aws:sourceaccount": ("1",), "s3:prefix": ("a",), "aws:sourcearn": (RULE,)}
    assert all(each.holds(context) for each in conditions)
    for missing in context:
        less = {name: value for name, value in context.items() if name != missing}
        assert not all(each.holds(less) for each in conditions)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ({"DateLessThan": {"aws:SourceArn": "x"}}, "operator DateLessThan"),
        ({"ForSomeValues:StringLike": {"aws:SourceArn": "x"}}, "ForSomeValues"),
        ({"StringEquals": {"aws:PrincipalTag/team": "x"}}, "key aws:PrincipalTag/team"),
        ({"StringEquals": {}}, "needs condition keys"),
        ({"StringEquals": "x"}, "needs condition keys"),
        ("x", "must be an object"),
    ],
)
def test_what_is_not_known_should_be_refused_by_name(block: Any, words: str) -> None:
    with pytest.raises(InvalidPolicy, match=words):
        parse_conditions(block, "p")
