"""Policy documents and their evaluation. Pure.

Within one account a request is allowed if an identity-based or a resource-based policy allows it
and none denies it.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from localcloud.iam.conditions import (
    InvalidPolicy,
    PolicyCondition,
    RequestContext,
    parse_conditions,
    string_tuple,
    wildcard,
)

_ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_TOP_LEVEL = frozenset({"Version", "Id", "Statement"})
_VERSIONS = ("2012-10-17", "2008-10-17")
_ANYONE = ("*", "*")

Principal = tuple[str, str]
"""Type (`AWS` or `Service`) and name of a principal: an ARN, or `events.amazonaws.com`."""


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request to evaluate: one action on one resource by a caller.

    `principals` are the names that the caller has: its role and the session of the role.
    """

    action: str
    resource: str
    principals: tuple[Principal, ...] = ()
    context: RequestContext = field(default_factory=dict)
    account: str = ""


@dataclass(frozen=True, slots=True)
class StatementMatch:
    """A match of a request with a statement: its Sid and the patterns that matched."""

    sid: str
    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class PolicyStatement:
    """A statement. `inverted_actions` and `inverted_resources` mean NotAction and NotResource."""

    sid: str
    allows: bool
    principals: tuple[Principal, ...] | None
    actions: tuple[str, ...]
    inverted_actions: bool
    resources: tuple[str, ...]
    inverted_resources: bool
    conditions: tuple[PolicyCondition, ...]

    def match(self, request: AccessRequest) -> StatementMatch | None:
        """Return the match of `request` with this statement, or None."""
        action = _matching_pattern(self.actions, request.action.lower(), self.inverted_actions)
        if action is None:
            return None
        resource = _matching_pattern(self.resources, request.resource, self.inverted_resources)
        if resource is None or not self._names_caller(request):
            return None
        if not all(condition.holds(request.context) for condition in self.conditions):
            return None
        return StatementMatch(self.sid, action, resource)

    def _names_caller(self, request: AccessRequest) -> bool:
        """Return whether the statement's principals include the caller.

        An account as principal includes its callers in a Deny only: an Allow for an account
        leaves the decision to their identity-based policies.
        """
        if self.principals is None or _ANYONE in self.principals:
            return True
        named = any(caller in self.principals for caller in request.principals)
        return named or (not self.allows and _names_account(self.principals, request.account))


def _names_account(principals: tuple[Principal, ...], account: str) -> bool:
    names = (("AWS", account), ("AWS", f"arn:aws:iam::{account}:root"))
    return any(name in principals for name in names)


def _matching_pattern(patterns: tuple[str, ...], value: str, inverted: bool) -> str | None:
    matching = next((each for each in patterns if wildcard(each).fullmatch(value)), None)
    if inverted:
        return f"not {', '.join(patterns)}" if matching is None else None
    return matching


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """The statements of a policy document."""

    statements: tuple[PolicyStatement, ...]


@dataclass(frozen=True, slots=True)
class AccessDecision:
    """The result of an evaluation, with the statement that decided it.

    `source` is the type of policy that the statement is in. Without a match the request is denied
    because no statement allows it.
    """

    allowed: bool
    match: StatementMatch | None = None
    source: Literal["identity", "resource"] | None = None


def evaluate(
    request: AccessRequest,
    identity: Iterable[PolicyDocument],
    resource: Iterable[PolicyDocument] = (),
) -> AccessDecision:
    """Evaluate `request` against identity-based and resource-based policies."""
    allowed: AccessDecision | None = None
    for source, policies in (("identity", identity), ("resource", resource)):
        for policy in policies:
            for statement in policy.statements:
                match = statement.match(request)
                if match is None:
                    continue
                decision = AccessDecision(statement.allows, match, source)  # type: ignore[arg-type]
                if not statement.allows:
                    return decision
                allowed = allowed or decision
    return allowed or AccessDecision(allowed=False)


def parse_policy(
    document: str | Mapping[str, Any], where: str, *, of_resource: bool = False
) -> PolicyDocument:
    """Parse a policy document, given as JSON or decoded.

    Args:
        document: the policy.
        where: the name of the policy, for error messages.
        of_resource: whether it is a resource-based policy, whose statements have principals.

    Raises:
        InvalidPolicy: it has an element or a value that the local cloud does not support.
    """
    content = _object(document, where)
    _check_elements(where, set(content) - _TOP_LEVEL)
    if content.get("Version", _VERSIONS[1]) not in _VERSIONS:
        raise InvalidPolicy(f"{where}: Version must be one of {', '.join(_VERSIONS)}.")
    statements = content.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    return PolicyDocument(
        tuple(
            _statement(each, f"{where}: statement {n}", of_resource)
            for n, each in _numbered(listed)
        )
    )


def _numbered(statements: list[Any]) -> Iterable[tuple[str, Any]]:
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


def _statement(statement: Any, where: str, of_resource: bool) -> PolicyStatement:
    if not isinstance(statement, Mapping):
        raise InvalidPolicy(f"{where} must be an object.")
    _check_elements(where, set(statement) - _ELEMENTS - ({"Principal"} if of_resource else set()))
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise InvalidPolicy(f"{where}: Effect must be Allow or Deny.")
    actions, inverted_actions = _patterns_of(statement, "Action", where)
    resources, inverted_resources = _patterns_of(statement, "Resource", where)
    return PolicyStatement(
        sid=where.rpartition(" ")[2],
        allows=statement["Effect"] == "Allow",
        principals=_principals(statement.get("Principal"), where) if of_resource else None,
        actions=tuple(each.lower() for each in actions),
        inverted_actions=inverted_actions,
        resources=resources,
        inverted_resources=inverted_resources,
        conditions=parse_conditions(statement.get("Condition", {}), where),
    )


def _patterns_of(
    statement: Mapping[str, Any], name: str, where: str
) -> tuple[tuple[str, ...], bool]:
    """Return the patterns of the element `name` or `Not<name>`, and whether it is the latter."""
    inverted = f"Not{name}"
    if (name in statement) == (inverted in statement):
        raise InvalidPolicy(f"{where} needs either {name} or {inverted}.")
    element = name if name in statement else inverted
    return string_tuple(statement[element], f"{where}: {element}"), element == inverted


def _principals(element: Any, where: str) -> tuple[Principal, ...]:
    if element == "*":
        return (_ANYONE,)
    if not isinstance(element, Mapping) or not element or set(element) - {"AWS", "Service"}:
        raise InvalidPolicy(f'{where}: Principal must be "*", or name AWS or Service.')
    principals = [
        (kind, name)
        for kind, names in element.items()
        for name in string_tuple(names, f"{where}: Principal")
    ]
    return tuple(_ANYONE if pair == ("AWS", "*") else pair for pair in principals)


def _check_elements(where: str, unknown: set[str]) -> None:
    if unknown:
        raise InvalidPolicy(
            f"{where} has elements that the local cloud does not know: "
            f"{', '.join(sorted(unknown))}."
        )


def trusts_service(
    trust_policy: Mapping[str, Any], service: str, context: RequestContext | None = None
) -> bool:
    """Return whether a role's trust policy lets a service, by its principal, assume the role.

    Conditions of the policy must hold for `context`; None leaves them out.
    """
    statements = trust_policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        services = services if isinstance(services, list) else [services]
        if statement.get("Effect") == "Allow" and service in services:
            conditions = parse_conditions(statement.get("Condition", {}), "the trust policy")
            if context is None or all(condition.holds(context) for condition in conditions):
                return True
    return False
