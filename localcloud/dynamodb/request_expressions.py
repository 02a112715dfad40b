"""The expressions of one request, with their placeholders.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

from localcloud.dynamodb.errors import condition_failed, invalid, invalid_values
from localcloud.dynamodb.expressions.conditions import Condition, holds, parse_condition
from localcloud.dynamodb.expressions.key_conditions import KeyTerm, parse_key_condition
from localcloud.dynamodb.expressions.paths import Path
from localcloud.dynamodb.expressions.projections import parse_projection
from localcloud.dynamodb.expressions.syntax import Names, Parsed, Values
from localcloud.dynamodb.expressions.updates import UpdateAction, parse_update
from localcloud.dynamodb.values import Item
from localcloud.service import Params

T = TypeVar("T")
MAX_PLACEHOLDER_BYTES = 255
_NAMES, _VALUES = "ExpressionAttributeNames", "ExpressionAttributeValues"
_PLACEHOLDER = {_NAMES: re.compile(r"#[A-Za-z0-9_]+"), _VALUES: re.compile(r":[A-Za-z0-9_]+")}
_EXPRESSIONS = (
    "ConditionExpression",
    "UpdateExpression",
    "FilterExpression",
    "KeyConditionExpression",
    "ProjectionExpression",
)


class RequestExpressions:
    """The expressions of a request, each parsed and checked; then `finish` finds what is unused.

    `values` has the values of placeholders.
    """

    def __init__(self, request: Params) -> None:
        """Check the placeholders of `request`. Raises AwsError if they are not valid."""
        self._request = request
        for member, pattern in _PLACEHOLDER.items():
            _check_placeholders(request, member, pattern)
        self.values: Values = request.get(_VALUES) or {}
        names = request.get(_NAMES)
        self._names: Names = tuple(sorted(names.items())) if names else ()
        self._used: set[str] = set()

    def condition(self, member: str = "ConditionExpression") -> Condition | None:
        """Return the condition in `member` of the request, None if it has none."""
        text = self._request.get(member)
        return None if text is None else self._use(parse_condition(text, member, self._names))

    def update(self) -> tuple[UpdateAction, ...]:
        """Return the actions of the update expression, none if there is none."""
        text = self._request.get("UpdateExpression")
        return () if text is None else self._use(parse_update(text, self._names))

    def projection(self) -> tuple[Path, ...] | None:
        """Return the paths of the projection expression, None if there is none."""
        text = self._request.get("ProjectionExpression")
        return None if text is None else self._use(parse_projection(text, self._names))

    def key_condition(self) -> tuple[KeyTerm, ...]:
        """Return the terms of the key condition. Raises AwsError if there is none."""
        text = self._request.get("KeyConditionExpression")
        if text is None:
            raise invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified "
                "in the request."
            )
        return self._use(parse_key_condition(text, self._names))

    def finish(self) -> None:
        """Raise AwsError for a placeholder that no expression uses."""
        for member in _PLACEHOLDER:
            unused = [each for each in self._request.get(member) or () if each not in self._used]
            if unused:
                raise invalid(
                    f"Value provided in {member} unused in expressions: "
                    f"keys: {{{', '.join(sorted(unused))}}}"
                )

    def _use(self, parsed: Parsed[T]) -> T:
        parsed.check_values(self.values)
        self._used |= parsed.names
        self._used |= parsed.values
        return parsed.root


def _check_placeholders(request: Params, member: str, pattern: re.Pattern[str]) -> None:
    placeholders: Any = request.get(member)
    if placeholders is None:
        return
    if not any(request.get(each) is not None for each in _EXPRESSIONS):
        raise invalid(f"{member} can only be specified when using expressions")
    if not placeholders:
        raise invalid(f"{member} must not be empty")
    for name in placeholders:
        if not pattern.fullmatch(name):
            raise invalid(f'{member} contains invalid key: Syntax error; key: "{name}"')
        if len(name) > MAX_PLACEHOLDER_BYTES:
            raise invalid_values(f"{member} has a key of more than {MAX_PLACEHOLDER_BYTES} bytes")


def check_condition(
    condition: Condition | None, item: Item | None, values: Values, on_failure: str | None
) -> None:
    """Raise AwsError if a condition is false of an item, None for a missing one.

    `on_failure` is ReturnValuesOnConditionCheckFailure: "ALL_OLD" gives the error the item.
    """
    if condition is None or holds(condition, item or {}, values):
        return
    raise condition_failed(item if on_failure == "ALL_OLD" and item else None)
