"""Checks of Retry, Catch and Choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from localcloud.stepfunctions.language import choice, errors, jsonata, timestamps
from localcloud.stepfunctions.language.findings import Place
from localcloud.stepfunctions.language.validate_templates import (
    check_assign,
    check_jsonata,
    check_path,
    check_result_path,
    check_template,
)
from localcloud.stepfunctions.language.values import Json, JsonObject

MOST_ATTEMPTS: Final = 99_999_999
MOST_DELAY_SECONDS: Final = 31_622_400
_RETRIER: Final = frozenset(
    {
        "ErrorEquals",
        "IntervalSeconds",
        "MaxAttempts",
        "BackoffRate",
        "MaxDelaySeconds",
        "JitterStrategy",
        "Comment",
    }
)
_CATCHER: Final = frozenset({"ErrorEquals", "Next", "Assign", "Comment"})
_LOGIC: Final = ("And", "Or", "Not")
_RULE: Final = frozenset({"Next", "Assign", "Comment"})


def check_retry(place: Place, value: Json) -> None:
    """Check the Retry of a state.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    for at, retrier in _entries(place, value):
        at.expect_fields(retrier, _RETRIER, ("ErrorEquals",))
        if "IntervalSeconds" in retrier:
            at.at("/IntervalSeconds").expect_number(retrier["IntervalSeconds"], 1, MOST_ATTEMPTS)
        if "MaxAttempts" in retrier:
            at.at("/MaxAttempts").expect_number(retrier["MaxAttempts"], 0, MOST_ATTEMPTS)
        if "BackoffRate" in retrier:
            at.at("/BackoffRate").expect_number(retrier["BackoffRate"], 1, whole=False)
        if "JitterStrategy" in retrier:
            at.at("/JitterStrategy").expect_one_of(retrier["JitterStrategy"], ("FULL", "NONE"))
        _check_longest_delay(at, retrier)


def _check_longest_delay(place: Place, retrier: JsonObject) -> None:
    if "MaxDelaySeconds" not in retrier:
        return
    longest, first = retrier["MaxDelaySeconds"], retrier.get("IntervalSeconds", 1)
    place = place.at("/MaxDelaySeconds")
    place.expect_number(longest, 1, MOST_DELAY_SECONDS)
    if isinstance(longest, int) and isinstance(first, int) and longest <= first:
        place.error("'MaxDelaySeconds' must be greater than 'IntervalSeconds'")


def check_catch(place: Place, value: Json) -> None:
    """Check the Catch of a state."""
    own = frozenset({"Output"}) if place.uses_jsonata else frozenset({"ResultPath"})
    for at, catcher in _entries(place, value):
        at.expect_fields(catcher, _CATCHER | own, ("ErrorEquals", "Next"))
        if "ResultPath" in catcher and not place.uses_jsonata:
            check_result_path(at.at("/ResultPath"), catcher["ResultPath"])
        if "Output" in catcher and place.uses_jsonata:
            check_template(at.at("/Output"), catcher["Output"], "Output")
        if "Assign" in catcher:
            check_assign(at.at("/Assign"), catcher["Assign"])


def _entries(place: Place, value: Json) -> Iterator[tuple[Place, JsonObject]]:
    if not isinstance(value, list):
        place.error("Expected value of type [ARRAY]")
        return
    for index, entry in enumerate(value):
        at = place.at(f"[{index}]")
        fields = at.expect_object(entry)
        if fields is not None:
            if "ErrorEquals" in fields:
                _check_errors(at.at("/ErrorEquals"), fields["ErrorEquals"], index == len(value) - 1)
            yield at, fields


def _check_errors(place: Place, value: Json, is_last: bool) -> None:
    names = place.expect_array(value)
    if names is None:
        return
    if not all(isinstance(name, str) for name in names):
        place.error("Expected values of type [STRING]")
    if errors.ALL in names and len(names) > 1:
        place.error("'States.ALL' must appear alone in 'ErrorEquals'")
    if errors.ALL in names and not is_last:
        place.error("'States.ALL' can only appear in the last element")


def check_choices(place: Place, value: Json) -> None:
    """Check the Choices of a Choice state.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """
    rules = place.expect_array(value)
    for index, entry in enumerate(rules or []):
        at = place.at(f"[{index}]")
        rule = at.expect_object(entry)
        if rule is None:
            continue
        if "Next" not in rule:
            at.error("These fields are required: [Next]")
        if "Assign" in rule:
            check_assign(at.at("/Assign"), rule["Assign"])
        if place.uses_jsonata:
            _check_condition(at, rule)
        else:
            _check_test(at, rule, _RULE)


def _check_condition(place: Place, rule: JsonObject) -> None:
    place.expect_fields(rule, _RULE | {"Condition", "Output"}, ("Condition",))
    if "Output" in rule:
        check_template(place.at("/Output"), rule["Output"], "Output")
    if "Condition" not in rule:
        return
    condition, place = rule["Condition"], place.at("/Condition")
    if isinstance(condition, bool):
        return
    if not jsonata.is_expression(condition):
        place.error("Value must be a boolean or a JSONata expression")
    check_jsonata(place, condition)


def _check_test(place: Place, rule: JsonObject, extra: frozenset[str] = frozenset()) -> None:
    if "Next" in rule and "Next" not in extra:
        place.error("Field 'Next' is not supported")
    names = [name for name in rule if name in _LOGIC or name in choice.OPERATORS]
    if len(names) != 1:
        place.error(f"Exactly one comparison operator is required, not {names}")
        return
    [name] = names
    if name in _LOGIC:
        place.expect_fields(rule, extra | {name, "Comment", "Next"})
        _check_logic(place.at(f"/{name}"), name, rule[name])
        return
    place.expect_fields(rule, extra | {name, "Variable", "Comment", "Next"}, ("Variable",))
    if "Variable" in rule:
        check_path(place.at("/Variable"), rule["Variable"])
    _check_expected(place.at(f"/{name}"), name, rule[name])


def _check_logic(place: Place, name: str, value: Json) -> None:
    if name == "Not":
        part = place.expect_object(value)
        if part is not None:
            _check_test(place, part)
        return
    for index, entry in enumerate(place.expect_array(value) or []):
        at = place.at(f"[{index}]")
        part = at.expect_object(entry)
        if part is not None:
            _check_test(at, part)


def _check_expected(place: Place, name: str, value: Json) -> None:
    if name in choice.IS_TESTS or name == choice.IS_PRESENT or name == "BooleanEquals":
        if not isinstance(value, bool):
            place.error("Expected value of type [BOOLEAN]")
    elif name.endswith("Path"):
        check_path(place, value)
    elif name.startswith("Numeric"):
        place.expect_number(value, float("-inf"), whole=False)
    else:
        text = place.expect_string(value)
        if name.startswith("Timestamp") and text is not None and timestamps.parse(text) is None:
            place.error("Value is not a valid timestamp")
