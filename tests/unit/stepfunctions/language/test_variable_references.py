"""The variables that states read. LS test_sfn_api_variable_references.py"""

from __future__ import annotations

import json
from typing import Any

import pytest

from localcloud.stepfunctions.language.variable_references import variable_references

INNER = {
    "StartAt": "Summate",
    "States": {
        "Summate": {
            "Type": "Pass",
            "Assign": {"sum.$": "States.MathAdd(States.MathAdd($y, $x), $bias)"},
            "End": True,
        }
    },
}


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"Type": "Pass", "Parameters": {"a": "$static", "b.$": "$result.more"}}, ["result"]),
        ({"Type": "Pass", "Result": {"a.$": "$result"}, "Assign": {"a.$": "$x"}}, ["x"]),
        ({"Type": "Pass", "Parameters": {"a.$": "$.input", "b.$": "$$.Execution.Id"}}, []),
        ({"Type": "Pass", "Parameters": {"a.$": "States.Format('$no {}', $yes)"}}, ["yes"]),
        ({"Type": "Pass", "InputPath": "$in", "OutputPath": "$out[0]"}, ["in", "out"]),
        ({"Type": "Wait", "SecondsPath": "$wait"}, ["wait"]),
        ({"Type": "Fail", "ErrorPath": "$e", "CausePath": "States.Format('{}', $c)"}, ["c", "e"]),
        (
            {"Type": "Choice", "Choices": [{"Variable": "$b", "StringEqualsPath": "$a"}]},
            ["a", "b"],
        ),
        ({"Type": "Map", "ItemsPath": "$items", "MaxConcurrencyPath": "$n"}, ["items", "n"]),
        ({"Type": "Map", "ItemSelector": {"x.$": "$x"}, "ItemProcessor": INNER}, ["x"]),
        ({"Type": "Task", "Parameters": {"SomePath": "$static"}}, []),
        ({"QueryLanguage": "JSONata", "Output": "{% $x + $states.input.y %}"}, ["x"]),
        ({"QueryLanguage": "JSONata", "Output": ["{% $sum($xs) %}", "$static"]}, ["xs"]),
        ({"QueryLanguage": "JSONata", "Output": "{% ($a := $b; $a & '$c') %}"}, ["b"]),
        (
            {"QueryLanguage": "JSONata", "Output": "{% $map($xs, function($i, $n) {$i * $k}) %}"},
            ["k", "xs"],
        ),
    ],
)
def test_a_state_names_what_it_reads(state: dict[str, Any], names: list[str]) -> None:
    found = variable_references(json.dumps({"StartAt": "S", "States": {"S": state}}))
    assert found.get("S", []) == names


def test_nested_states_are_named_beside_their_holder() -> None:
    """LS …test_base_variable_references_in_assign_templates[BASE_REFERENCE_IN_ITERATOR_OUTER…]"""
    states = {"Iterate": {"Type": "Map", "ItemProcessor": INNER, "End": True}}
    found = variable_references(json.dumps({"StartAt": "Iterate", "States": states}))
    assert found == {"Summate": ["bias", "x", "y"]}
