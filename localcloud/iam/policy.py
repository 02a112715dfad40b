"""Whether a request is allowed: policies, parsed once, and the rules between them. Pure.

In one account a request is allowed if a policy of the caller or one of the resource allows it, and
none denies it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from localcloud.iam.conditions import Condition, Context, parse_conditions
from localcloud.iam.patterns import InvalidPolicy, listed, wildcard

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_TOP = frozenset({"Version", "Id", "Statement"})
_VERSIONS = ("2012-10-17", "2008-10-17")
_ANYONE = ("*", "*")

Principal = tuple[str, str]
"""The kind (`AWS` or `Service`) and the name of a caller, an ARN or `events.amazonaws.com`."""


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource. `principal` are the caller's names: a role, its session."""

    action: str
    resource: str
    principals: tuple[Principal, ...] = ()
    context: Context = field(default_factory=dict)
    account: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """What in a statement a request fits: `sid`, and the patterns of action and resource."""

    sid: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. With `inverted_…` the patterns name what it is not about."""

    sid: str
    allows: bool
    principals: tuple[Principal, ...] | None
    actions: tuple[str, ...]
    inverted_actions: bool
    resources: tuple[str, ...]
    inverted_resources: bool
    conditions: tuple[Condition, ...]

    def match(self, request: Request) -> Match | None:
        """Return how `request` fits this statement, or None."""
        action = _pattern_of(self.actions, request.action.lower(), self.inverted_actions)
        if action is None:
            return None
        resource = _pattern_of(self.resources, request.resource, self.inverted_resources)
        if resource is None or not self._is_about(request):
            return None
        if not all(condition.holds(request.context) for condition in self.conditions):
            return None
        return Match(self.sid, action, resource)

    def _is_about(self, request: Request) -> bool:
        """Tell whether the caller is named. An account's name denies its callers; it allows them
        only what their own policies do.
        """
        if self.principals is None or _ANYONE in self.principals:
            return True
        named = any(caller in self.principals for caller in request.principals)
        return named or (not self.allows and _names_account(self.principals, request.account))


def _names_account(principals: tuple[Principal, ...], account: str) -> bool:
    names = (("AWS", account), ("AWS", f"arn:aws:iam::{account}:root"))
    return any(name in principals for name in names)


def _pattern_of(patterns: tuple[str, ...], value: str, inverted: bool) -> str | None:
    found = next((each for each in patterns if wildcard(each).fullmatch(value)), None)
    if inverted:
        return f"not {', '.join(patterns)}" if found is None else None
    return found


@dataclass(frozen=True, slots=True)
class Policy:
    """The statements of one document."""

    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """What policies say together, and which statement says it; `source` is whose policy that is.

    Without a statement nothing allows the request.
    """

    allowed: bool
    match: Match | None = None
    source: Literal["identity", "resource"] | None = None


def evaluate(
    request: Request, identity: Iterable[Policy], resource: Iterable[Policy] = ()
) -> Decision:
    """Decide `request` by the policies of the caller and those of the resource."""
    found: Decision | None = None
    for source, policies in (("identity", identity), ("resource", resource)):
        for policy in policies:
            for statement in policy.statements:
                match = statement.match(request)
                if match is None:
                    continue
                decision = Decision(statement.allows, match, source)  # type: ignore[arg-type]
                if not statement.allows:
                    return decision
                found = found or decision
    return found or Decision(allowed=False)


def parse(document: str | Mapping[str, Any], where: str, *, of_resource: bool = False) -> Policy:
    """Read a policy, that of a resource with principals. Raises InvalidPolicy, naming `where`."""
    content = _object(document, where)
    _refuse(where, set(content) - _TOP)
    if content.get("Version", _VERSIONS[1]) not in _VERSIONS:
        raise InvalidPolicy(f"{where}: Version must be one of {', '.join(_VERSIONS)}.")
    statements = content.get("Statement")
    given = statements if isinstance(statements, list) else [statements]
    return Policy(
        tuple(_statement(each, f"{where}: statement {n}", of_resource) for n, each in _named(given))
    )


def _named(statements: list[Any]) -> Iterable[tuple[str, Any]]:
    for number, each in enumerate(statements, 1):
        yield (each.get("Sid") or str(number)) if isinstance(each, Mapping) else str(number), each


def _object(document: str | Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError as error:
            raise InvalidPolicy(f"{where} is not JSON: {error}") from error
    if not isinstance(document, Mapping):
        raise InvalidPolicy(f"{where} must be an object.")
    return document


def _statement(given: Any, where: str, of_resource: bool) -> Statement:
    if not isinstance(given, Mapping):
        raise InvalidPolicy(f"{where} must be an object.")
    _refuse(where, set(given) - _ELEMENTS - ({"Principal"} if of_resource else set()))
    if given.get("Effect") not in ("Allow", "Deny"):
        raise InvalidPolicy(f"{where}: Effect must be Allow or Deny.")
    actions, inverted_actions = _either(given, "Action", where)
    resources, inverted_resources = _either(given, "Resource", where)
    return Statement(
        sid=where.rpartition(" ")[2],
        allows=given["Effect"] == "Allow",
        principals=_principals(given.get("Principal"), where) if of_resource else None,
        actions=tuple(each.lower() for each in actions),
        inverted_actions=inverted_actions,
        resources=resources,
        inverted_resources=inverted_resources,
        conditions=parse_conditions(given.get("Condition", {}), where),
    )


def _either(given: Mapping[str, Any], name: str, where: str) -> tuple[tuple[str, ...], bool]:
    """Return the patterns of `name` or of `Not` and `name`, and whether it was the latter."""
    inverted = f"Not{name}"
    if (name in given) == (inverted in given):
        raise InvalidPolicy(f"{where} needs either {name} or {inverted}.")
    used = name if name in given else inverted
    return listed(given[used], f"{where}: {used}"), used == inverted


def _principals(given: Any, where: str) -> tuple[Principal, ...]:
    if given == "*":
        return (_ANYONE,)
    if not isinstance(given, Mapping) or not given or set(given) - {"AWS", "Service"}:
        raise InvalidPolicy(f'{where}: Principal must be "*", or name AWS or Service.')
    found = [
        (kind, name)
        for kind, names in given.items()
        for name in listed(names, f"{where}: Principal")
    ]
    return tuple(_ANYONE if pair == ("AWS", "*") else pair for pair in found)


def _refuse(where: str, unknown: set[str]) -> None:
    if unknown:
        raise InvalidPolicy(
            f"{where} has elements that the local cloud does not know: "
            f"{', '.join(sorted(unknown))}."
        )
