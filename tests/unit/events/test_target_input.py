"""Input transformation, eventbridge/latest/userguide/eb-transform-target-input.html."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.events.target_input import (
    MISSING,
    EventOrigin,
    InvalidTargetInput,
    check_target_input,
    compact_json,
    fill_template,
    look_up,
    target_payload,
)

EVENT: dict[str, Any] = {
    "id": "1",
    "source": "shop",
    "detail": {
        "instance-id": "i-1",
        "say": 'a "quoted"\nline',
        "items": [{"name": "pear"}, {"name": "plum"}, {"price": 3}],
        "count": 2,
        "none": None,
    },
}
ORIGIN = EventOrigin("arn:aws:events:us-east-1:000000000000:rule/r", "r", "2026-11-25T12:00:00Z")


def transformed(template: str, **paths: str) -> str:
    target = {"InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    check_target_input(target)
    return target_payload(target, EVENT, ORIGIN)


def test_a_target_gets_the_whole_event_by_default_without_spaces() -> None:
    """API_PutTargets.html"""
    assert target_payload({}, EVENT, ORIGIN) == compact_json(EVENT)
    assert '"id":"1","source":"shop"' in compact_json(EVENT)


def test_input_replaces_the_event_as_written() -> None:
    """API_PutTargets.html: Input."""
    assert target_payload({"Input": '{ "a": 1 }'}, EVENT, ORIGIN) == '{ "a": 1 }'


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", EVENT),
        ("$.detail.instance-id", "i-1"),
        ("$.detail.items[0].name", "pear"),
        ("$.detail.items[*].name", ["pear", "plum"]),
        ("$.detail.items[2]", {"price": 3}),
        ("$.detail.none", None),
        ("$.detail.absent", MISSING),
        ("$.detail.items[9]", MISSING),
        ("$.detail.count.more", MISSING),
        ("$.detail[*]", MISSING),
    ],
)
def test_a_path_leads_to_a_part(path: str, expected: object) -> None:
    """eb-transform-target-input.html: dots, indices and wildcards."""
    assert look_up(path, EVENT) == expected


def test_input_path_passes_a_part() -> None:
    """API_PutTargets.html: InputPath; recorded from AWS, a string keeps its quotes."""
    assert target_payload({"InputPath": "$.detail.instance-id"}, EVENT, ORIGIN) == '"i-1"'


def test_a_string_template_is_filled_inside_its_quotes() -> None:
    """eb-transform-target-input.html; recorded from AWS, the queue gets the quotes."""
    assert transformed('"<i> is <c>"', i="$.detail.instance-id", c="$.detail.count") == '"i-1 is 2"'


def test_a_json_template_gets_json_values() -> None:
    """eb-transform-target-input.html"""
    text = transformed(
        '{"i": <i>, "items": <items>, "count": <c>, "none": <n>, "text": "<i>!"}',
        i="$.detail.instance-id", items="$.detail.items", c="$.detail.count", n="$.detail.none",
    )  # fmt: skip
    assert json.loads(text) == {
        "i": "i-1",
        "items": EVENT["detail"]["items"],
        "count": 2,
        "none": None,
        "text": "i-1!",
    }


def test_a_path_that_leads_nowhere_is_empty_in_a_string() -> None:
    """eb-transform-target-input.html; recorded from AWS inside quotes."""
    assert transformed('"from detail <x>"', x="$.detail.absent") == '"from detail "'
    assert json.loads(transformed('{"x": <x>}', x="$.detail.absent")) == {"x": None}


def test_quotes_and_line_ends_are_escaped() -> None:
    """eb-transform-target-input.html"""
    assert json.loads(transformed('"<s>"', s="$.detail.say")) == EVENT["detail"]["say"]


def test_reserved_variables_tell_rule_event_and_time() -> None:
    """eb-transform-target-input.html#eb-transform-input-predefined"""
    text = transformed(
        '{"arn": <aws.events.rule-arn>, "name": "<aws.events.rule-name>",'
        ' "at": <aws.events.event.ingestion-time>, "event": <aws.events.event.json>,'
        ' "head": <aws.events.event>}'
    )
    assert json.loads(text) == {
        "arn": ORIGIN.rule_arn,
        "name": "r",
        "at": ORIGIN.ingestion_time,
        "event": EVENT,
        "head": {"id": "1", "source": "shop"},
    }


@pytest.mark.parametrize(
    "target",
    [
        {"Input": "{"},
        {"Input": "{}", "InputPath": "$"},
        {"InputPath": "detail"},
        {"InputPath": "$['detail']"},
        {"InputTransformer": {"InputTemplate": '"<x>"'}},
        {"InputTransformer": {"InputTemplate": "no quotes"}},
        {"InputTransformer": {"InputPathsMap": {"x": "x"}, "InputTemplate": "<x>"}},
        {"InputTransformer": {"InputPathsMap": {"aws.x": "$.x"}, "InputTemplate": '"<aws.x>"'}},
        {"InputTransformer": {"InputPathsMap": {"a b": "$.x"}, "InputTemplate": '"x"'}},
        {
            "InputTransformer": {
                "InputPathsMap": {f"v{n}": "$.x" for n in range(101)},
                "InputTemplate": '"x"',
            }
        },
    ],
)
def test_a_bad_input_is_refused(target: dict[str, Any]) -> None:
    """API_PutTargets.html"""
    with pytest.raises(InvalidTargetInput):
        check_target_input(target)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(value=values, text=st.text())
def test_any_value_fills_a_template_into_valid_json(value: object, text: str) -> None:
    """eb-transform-target-input.html"""
    filled = json.loads(
        fill_template('{"value": <v>, "text": "say \\"<t>\\"."}', {"v": value, "t": text})
    )
    assert filled == {"value": value, "text": f'say "{text}".'}
