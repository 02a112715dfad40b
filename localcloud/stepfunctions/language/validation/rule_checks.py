"""Check Retry, Catch and Choices."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from localcloud.stepfunctions.language import choice_rules, errors, values
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.validation.diagnostics import ValidationContext
from localcloud.stepfunctions.language.validation.template_checks import (
    check_assign,
    check_jsonata,
    check_path,
    check_result_path,
    check_template,
)
from localcloud.stepfunctions.language.values import Json, JsonObject

MAX_ATTEMPTS: Final = 99_999_999
MAX_DELAY_SECONDS: Final = 31_622_400
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


def check_retry(context: ValidationContext, value: Json) -> None:
    """Check the Retry of a state.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    for at, retrier in _entries(context, value):
        at.expect_fields(retrier, _RETRIER, ("ErrorEquals",))
        if "IntervalSeconds" in retrier:
            at.at("/IntervalSeconds").expect_number(retrier["IntervalSeconds"], 1, MAX_ATTEMPTS)
        if "MaxAttempts" in retrier:
            at.at("/MaxAttempts").expect_number(retrier["MaxAttempts"], 0, MAX_ATTEMPTS)
        if "BackoffRate" in retrier:
            at.at("/BackoffRate").expect_number(retrier["BackoffRate"], 1, whole=False)
        if "JitterStrategy" in retrier:
            at.at("/JitterStrategy").expect_one_of(retrier["JitterStrategy"], ("FULL", "NONE"))
        _check_longest_delay(at, retrier)


def _check_longest_delay(context: ValidationContext, retrier: JsonObject) -> None:
    if "MaxDelaySeconds" not in retrier:
        return
    longest, first = retrier["MaxDelaySeconds"], retrier.get("IntervalSeconds", 1)
    context = context.at("/MaxDelaySeconds")
    context.expect_number(longest, 1, MAX_DELAY_SECONDS)
    if isinstance(longest, int) and isinstance(first, int) and longest <= first:
        context.error("'MaxDelaySeconds' must be greater than 'IntervalSeconds'")


def check_catch(context: ValidationContext, value: Json) -> None:
    """Check the Catch of a state."""
    own = frozenset({"Output"}) if context.uses_jsonata else frozenset({"ResultPath"})
    for at, catcher in _entries(context, value):
        at.expect_fields(catcher, _CATCHER | own, ("ErrorEquals", "Next"))
        if "ResultPath" in catcher and not context.uses_jsonata:
            check_result_path(at.at("/ResultPath"), catcher["ResultPath"])
        if "Output" in catcher and context.uses_jsonata:
            check_template(at.at("/Output"), catcher["Output"], "Output")
        if "Assign" in catcher:
            check_assign(at.at("/Assign"), catcher["Assign"])


def _entries(
    context: ValidationContext, value: Json
) -> Iterator[tuple[ValidationContext, JsonObject]]:
    if not isinstance(value, list):
        context.error("Expected value of type [ARRAY]")
        return
    for index, entry in enumerate(value):
        at = context.at(f"[{index}]")
        fields = at.expect_object(entry)
        if fields is not None:
            if "ErrorEquals" in fields:
                _check_errors(at.at("/ErrorEquals"), fields["ErrorEquals"], index == len(value) - 1)
            yield at, fields


def _check_errors(context: ValidationContext, value: Json, is_last: bool) -> None:
    names = context.expect_array(value)
    if names is None:
        return
    if not all(isinstance(name, str) for name in names):
        context.error("Expected values of type [STRING]")
    if errors.ALL in names and len(names) > 1:
        context.error("'States.ALL' must appear alone in 'ErrorEquals'")
    if errors.ALL in names and not is_last:
        context.error("'States.ALL' can only appear in the last element")


def check_choices(context: ValidationContext, value: Json) -> None:
    """Check the Choices of a Choice state.

    https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
    """
    rules = context.expect_array(value)
    for index, entry in enumerate(rules or []):
        at = context.at(f"[{index}]")
        rule = at.expect_object(entry)
        if rule is None:
            continue
        if "Next" not in rule:
            at.error("These fields are required: [Next]")
        if "Assign" in rule:
            check_assign(at.at("/Assign"), rule["Assign"])
        if context.uses_jsonata:
            _check_condition(at, rule)
        else:
            _check_test(at, rule, _RULE)


def _check_condition(context: ValidationContext, rule: JsonObject) -> None:
    context.expect_fields(rule, _RULE | {"Condition", "Output"}, ("Condition",))
    if "Output" in rule:
        check_template(context.at("/Output"), rule["Output"], "Output")
    if "Condition" not in rule:
        return
    condition, context = rule["Condition"], context.at("/Condition")
    if isinstance(condition, bool):
        return
    if not templates.is_expression(condition):
        context.error("Value must be a boolean or a JSONata expression")
    check_jsonata(context, condition)


def _check_test(
    context: ValidationContext, rule: JsonObject, extra: frozenset[str] = frozenset()
) -> None:
    if "Next" in rule and "Next" not in extra:
        context.error("Field 'Next' is not supported")
    names = [name for name in rule if name in _LOGIC or name in choice_rules.OPERATORS]
    if len(names) != 1:
        context.error(f"Exactly one comparison operator is required, not {names}")
        return
    [name] = names
    if name in _LOGIC:
        context.expect_fields(rule, extra | {name, "Comment", "Next"})
        _check_logic(context.at(f"/{name}"), name, rule[name])
        return
    context.expect_fields(rule, extra | {name, "Variable", "Comment", "Next"}, ("Variable",))
    if "Variable" in rule:
        check_path(context.at("/Variable"), rule["Variable"])
    _check_expected(context.at(f"/{name}"), name, rule[name])


def _check_logic(context: ValidationContext, name: str, value: Json) -> None:
    if name == "Not":
        part = context.expect_object(value)
        if part is not None:
            _check_test(context, part)
        return
    for index, entry in enumerate(context.expect_array(value) or []):
        at = context.at(f"[{index}]")
        part = at.expect_object(entry)
        if part is not None:
            _check_test(at, part)


def _check_expected(context: ValidationContext, name: str, value: Json) -> None:
    if name in choice_rules.IS_TESTS or name == choice_rules.IS_PRESENT or name == "BooleanEquals":
        if not isinstance(value, bool):
            context.error("Expected value of type [BOOLEAN]")
    elif name.endswith("Path"):
        check_path(context, value)
    elif name.startswith("Numeric"):
        context.expect_number(value, float("-inf"), whole=False)
    else:
        text = context.expect_string(value)
        if (
            name.startswith("Timestamp")
            and text is not None
            and values.parse_timestamp(text) is None
        ):
            context.error("String does not match RFC3339 timestamp")
