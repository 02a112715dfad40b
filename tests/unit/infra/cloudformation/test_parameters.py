"""Parameters: every constraint that the template states is held."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.cloudformation.errors import TemplateError
from infra.cloudformation.parameters import parameter_values
from tests.architecture.templates import plain

STAGE = {"Type": "String", "AllowedPattern": "[a-z]{2,4}"}


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (STAGE, "prod", "prod"),
        ({"Type": "Number"}, "5", 5),
        ({"Type": "Number"}, "0.5", 0.5),
        ({"Type": "Number", "MinValue": 1, "MaxValue": "5"}, "5", 5),
        ({"Type": "CommaDelimitedList"}, "a, b", ["a", "b"]),
        ({"Type": "List<Number>"}, "1,2.5", [1, 2.5]),
        ({"Type": "Number", "AllowedValues": [1, 2]}, "2", 2),
        ({"Type": "String", "MinLength": 1, "MaxLength": 3}, "abc", "abc"),
    ],
)
def test_a_value_that_is_allowed_should_be_read_by_its_type(
    parameter: Any, text: str, value: Any
) -> None:
    assert parameter_values({"P": parameter}, {"P": text}) == {"P": value}


def test_the_latency_of_endpoints_should_be_whole_seconds() -> None:
    """The alarm writes six zeros behind it: 1.5 seconds would be 1.5 microseconds."""
    parameters = {"P": plain("try")["Parameters"]["EndpointLatencySeconds"]}
    assert parameter_values(parameters, {"P": "90"}) == {"P": "90"}
    for text in ("1.5", "0", "90000"):
        with pytest.raises(TemplateError, match="must match pattern"):
            parameter_values(parameters, {"P": text})


@pytest.mark.parametrize(
    ("parameter", "text", "words"),
    [
        (STAGE, "PROD", "P must match pattern [a-z]{2,4}, not 'PROD'"),
        (STAGE, "prod\n", "must match pattern"),
        (STAGE, "xprodx", "must match pattern"),
        ({**STAGE, "ConstraintDescription": "needs letters"}, "1", "P needs letters, not '1'"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "must be one of a, b, not 'c'"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a"]}, "a,c", "must be one of a"),
        ({"Type": "Number", "MinValue": 1}, "0", "must be a number not less than 1"),
        ({"Type": "Number", "MaxValue": 3}, "4", "must be a number not greater than 3"),
        ({"Type": "Number"}, "many", "P must be a number, not 'many'"),
        ({"Type": "List<Number>"}, "1,x", "P must be a number"),
        ({"Type": "String", "MinLength": 2}, "a", "at least 2 characters"),
        ({"Type": "String", "MaxLength": "2"}, "abc", "at most 2 characters"),
        ({"Type": "AWS::EC2::VPC::Id"}, "x", "has the type 'AWS::EC2::VPC::Id'"),
        ({"Type": "String", "Colour": 1}, "x", "P has unknown members: Colour"),
    ],
)
def test_a_value_that_is_not_allowed_should_be_refused(
    parameter: Any, text: str, words: str
) -> None:
    with pytest.raises(TemplateError, match=re.escape(words)):
        parameter_values({"P": parameter}, {"P": text})


def test_a_default_should_be_held_to_the_constraints_too() -> None:
    with pytest.raises(TemplateError, match="must match pattern"):
        parameter_values({"P": {**STAGE, "Default": "NO"}}, {})


def test_missing_and_unknown_parameters_should_be_named_together() -> None:
    with pytest.raises(TemplateError, match=r"\[A, B\] must have values"):
        parameter_values({"B": STAGE, "A": STAGE, "C": {**STAGE, "Default": "ok"}}, {})
    with pytest.raises(TemplateError, match=r"\[X\] do not exist in the template"):
        parameter_values({}, {"X": "1"})
