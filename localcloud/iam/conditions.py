"""Conditions of policy statements, and the wildcard patterns of policies. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache


class InvalidPolicy(Exception):  # noqa: N818 - named for what is wrong
    """Raised for a policy that the local cloud cannot evaluate; its text says why."""


@lru_cache(maxsize=4096)
def wildcard(pattern: str) -> re.Pattern[str]:
    """Compile an IAM pattern: `*` matches any characters, `?` exactly one."""
    parts = (re.escape(part) for part in re.split(r"([*?])", pattern))
    text = "".join({r"\*": ".*", r"\?": "."}.get(part, part) for part in parts)
    return re.compile(text, re.DOTALL)


def string_tuple(value: object, where: str) -> tuple[str, ...]:
    """Return a policy value that is one string or a list of them as a tuple.

    Raises InvalidPolicy, naming `where`, for an empty list or another type.
    """
    items = value if isinstance(value, list) else [value]
    if not items:
        raise InvalidPolicy(f"{where} must not be empty.")
    for item in items:
        if not isinstance(item, str | bool | int):
            raise InvalidPolicy(f"{where} takes text, not {type(item).__name__}.")
    return tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)


RequestContext = Mapping[str, tuple[str, ...]]
"""The request context: values by lower-case context key. Keys without a value are absent."""

CONTEXT_KEYS = frozenset(
    {
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "bedrock:inferenceprofilearn",
        "cloudwatch:namespace",
        "dynamodb:attributes",
        "dynamodb:leadingkeys",
        "iam:passedtoservice",
        "s3:prefix",
        "transcribe:outputbucketname",
        "transcribe:outputkey",
    }
)
"""The context keys that requests can have here; a policy with any other is refused."""

_SET_PREFIXES = ("forallvalues:", "foranyvalue:")
_IF_EXISTS = "ifexists"


def _string_equals(value: str, wanted: str) -> bool:
    return value == wanted


def _string_equals_ignore_case(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _string_like(value: str, wanted: str) -> bool:
    return wildcard(wanted).fullmatch(value) is not None


def _arn_like(value: str, wanted: str) -> bool:
    """Compare ARNs part by part: a wildcard does not match the first five colons."""
    parts, patterns = value.split(":", 5), wanted.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(map(_string_like, parts, patterns))


_COMPARISONS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "stringequals": (_string_equals, True),
    "stringnotequals": (_string_equals, False),
    "stringequalsignorecase": (_string_equals_ignore_case, True),
    "stringnotequalsignorecase": (_string_equals_ignore_case, False),
    "stringlike": (_string_like, True),
    "stringnotlike": (_string_like, False),
    "arnequals": (_arn_like, True),
    "arnnotequals": (_arn_like, False),
    "arnlike": (_arn_like, True),
    "arnnotlike": (_arn_like, False),
    "bool": (_string_equals_ignore_case, True),
}
"""Condition operators: how a value is compared, and whether it must match or must not."""


@dataclass(frozen=True, slots=True)
class PolicyCondition:
    """A condition operator on one context key.

    Attributes:
        key: the context key in lower case.
        values: alternatives that the request's value is compared with.
        compare: compares the request's value with one of `values`.
        must_match: False for negated operators.
        quantifier: `forallvalues:`, `foranyvalue:` or empty.
        if_exists: whether the condition holds if the key is absent (`…IfExists`).
    """

    key: str
    values: tuple[str, ...]
    compare: Callable[[str, str], bool]
    must_match: bool
    quantifier: str
    if_exists: bool

    def holds(self, context: RequestContext) -> bool:
        """Return whether the condition is true for the request context."""
        request_values = context.get(self.key)
        if not request_values:
            return self._holds_without_value()
        outcomes = (self._accepts(value) for value in request_values)
        return all(outcomes) if self.quantifier == "forallvalues:" else any(outcomes)

    def _holds_without_value(self) -> bool:
        """Return the result for an absent key: true for negated operators and ForAllValues."""
        if self.quantifier:
            return self.quantifier == "forallvalues:" or self.if_exists
        return self.if_exists or not self.must_match

    def _accepts(self, value: str) -> bool:
        return any(self.compare(value, wanted) for wanted in self.values) is self.must_match


def parse_conditions(block: object, where: str) -> tuple[PolicyCondition, ...]:
    """Parse the Condition block of a statement, all of whose conditions must hold.

    Raises InvalidPolicy for an operator or a context key that the local cloud does not know.
    """
    if not isinstance(block, Mapping):
        raise InvalidPolicy(f"{where}: Condition must be an object.")
    return tuple(
        _condition(str(operator), str(key), string_tuple(values, f"{where}: {key}"), where)
        for operator, keys in block.items()
        for key, values in _pairs(keys, where)
    )


def _pairs(keys: object, where: str) -> Sequence[tuple[str, object]]:
    if not isinstance(keys, Mapping) or not keys:
        raise InvalidPolicy(f"{where}: an operator of Condition needs condition keys.")
    return list(keys.items())


def _condition(operator: str, key: str, values: tuple[str, ...], where: str) -> PolicyCondition:
    name = operator.lower()
    quantifier = next((each for each in _SET_PREFIXES if name.startswith(each)), "")
    name = name.removeprefix(quantifier)
    absent_holds = name.endswith(_IF_EXISTS)
    known = _COMPARISONS.get(name.removesuffix(_IF_EXISTS))
    if known is None:
        raise InvalidPolicy(
            f"{where}: the local cloud does not know the condition operator {operator}; it knows "
            f"{', '.join(sorted(_COMPARISONS))}."
        )
    if key.lower() not in CONTEXT_KEYS:
        raise InvalidPolicy(
            f"{where}: the local cloud does not know the condition key {key}; it knows "
            f"{', '.join(sorted(CONTEXT_KEYS))}."
        )
    return PolicyCondition(key.lower(), values, known[0], known[1], quantifier, absent_holds)
