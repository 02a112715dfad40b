"""The conditions of a statement. Pure.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localcloud.iam.patterns import InvalidPolicy, listed, wildcard

Context = Mapping[str, tuple[str, ...]]
"""Values of condition keys by lower-case name; a key that a request does not have is absent."""

KEYS = frozenset(
    {
        "aws:securetransport",
        "aws:sourceaccount",
        "aws:sourcearn",
        "bedrock:inferenceprofilearn",
        "cloudwatch:namespace",
        "dynamodb:leadingkeys",
        "iam:passedtoservice",
        "s3:prefix",
    }
)
"""The condition keys that the local cloud gives values to; a policy with any other is refused."""

_SETS = ("forallvalues:", "foranyvalue:")
_ABSENT_HOLDS = "ifexists"


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _equal_in_any_case(value: str, wanted: str) -> bool:
    return value.casefold() == wanted.casefold()


def _like(value: str, wanted: str) -> bool:
    return wildcard(wanted).fullmatch(value) is not None


def _arn_like(value: str, wanted: str) -> bool:
    """Compare part by part: a wildcard does not reach over a colon of the first five."""
    given, pattern = value.split(":", 5), wanted.split(":", 5)
    return len(given) == len(pattern) == 6 and all(map(_like, given, pattern))


_COMPARISONS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = {
    "stringequals": (_equal, True),
    "stringnotequals": (_equal, False),
    "stringequalsignorecase": (_equal_in_any_case, True),
    "stringnotequalsignorecase": (_equal_in_any_case, False),
    "stringlike": (_like, True),
    "stringnotlike": (_like, False),
    "arnequals": (_arn_like, True),
    "arnnotequals": (_arn_like, False),
    "arnlike": (_arn_like, True),
    "arnnotlike": (_arn_like, False),
    "bool": (_equal_in_any_case, True),
}
"""Operator, to how a value is compared, and whether it has to match or must not."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator. `values` are alternatives; `every` asks it of all values."""

    key: str
    values: tuple[str, ...]
    compare: Callable[[str, str], bool]
    wanted: bool
    quantifier: str
    absent_holds: bool

    def holds(self, context: Context) -> bool:
        """Tell whether the request in `context` fulfils this."""
        given = context.get(self.key)
        if not given:
            return self._without_a_value()
        outcomes = (self._fits(value) for value in given)
        return all(outcomes) if self.quantifier == "forallvalues:" else any(outcomes)

    def _without_a_value(self) -> bool:
        """As AWS has it: a negated operator holds of an absent key, and so does ForAllValues."""
        if self.quantifier:
            return self.quantifier == "forallvalues:" or self.absent_holds
        return self.absent_holds or not self.wanted

    def _fits(self, value: str) -> bool:
        return any(self.compare(value, wanted) for wanted in self.values) is self.wanted


def parse_conditions(block: object, where: str) -> tuple[Condition, ...]:
    """Return the conditions of a statement; all have to hold.

    Raises InvalidPolicy for an operator or a key that the local cloud does not know.
    """
    if not isinstance(block, Mapping):
        raise InvalidPolicy(f"{where}: Condition must be an object.")
    return tuple(
        _condition(str(operator), str(key), listed(values, f"{where}: {key}"), where)
        for operator, keys in block.items()
        for key, values in _pairs(keys, where)
    )


def _pairs(keys: object, where: str) -> Sequence[tuple[str, object]]:
    if not isinstance(keys, Mapping) or not keys:
        raise InvalidPolicy(f"{where}: an operator of Condition needs condition keys.")
    return list(keys.items())


def _condition(operator: str, key: str, values: tuple[str, ...], where: str) -> Condition:
    name = operator.lower()
    quantifier = next((each for each in _SETS if name.startswith(each)), "")
    name = name.removeprefix(quantifier)
    absent_holds = name.endswith(_ABSENT_HOLDS)
    known = _COMPARISONS.get(name.removesuffix(_ABSENT_HOLDS))
    if known is None:
        raise InvalidPolicy(
            f"{where}: the local cloud does not know the condition operator {operator}; it knows "
            f"{', '.join(sorted(_COMPARISONS))}."
        )
    if key.lower() not in KEYS:
        raise InvalidPolicy(
            f"{where}: the local cloud does not know the condition key {key}; it knows "
            f"{', '.join(sorted(KEYS))}."
        )
    return Condition(key.lower(), values, known[0], known[1], quantifier, absent_holds)
