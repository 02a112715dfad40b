"""Lambda authorizers: who may call, from the token to the policy and back.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.apigateway.description import Authorizer
from localcloud.apigateway.gateway_responses import (
    AUTHORIZER_FAILED,
    AUTHORIZER_MISCONFIGURED,
    UNAUTHORIZED,
    Failure,
    denied,
)
from localcloud.errors import AwsError
from localcloud.iam.conditions import wildcard

Invoke = Callable[[str, bytes], Mapping[str, Any]]
"""Invoke a function by name; returns what Lambda's Invoke returns, and raises AwsError."""

Check = Callable[[str, str], None]
"""Raises AwsError unless the authorizer of a name may invoke its function, which comes first."""

_CACHED = 1_000
_Cache = OrderedDict[tuple[str, str], tuple[float, "Verdict"]]


class Refused(Exception):  # noqa: N818 - named for what it tells
    """The caller is not let in; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.response_type)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an authorizer said about one token."""

    principal: str
    policy: Mapping[str, Any]
    context: Mapping[str, str]


class Authorizers:
    """Asks authorizer functions, and remembers their answers as long as they allow."""

    def __init__(
        self, invoke: Invoke, clock: Callable[[], float], check: Check | None = None
    ) -> None:
        """Ask by `invoke`, if `check` lets them; `clock` gives seconds."""
        self._check = check
        self._invoke = invoke
        self._clock = clock
        self._cache: _Cache = OrderedDict()
        self._guard = threading.Lock()

    def admit(self, authorizer: Authorizer, token: str | None, arn: str) -> dict[str, str]:
        """Return the authorizer context for a caller with `token`; raises Refused."""
        if not token or not _is_well_formed(authorizer, token):
            raise Refused(UNAUTHORIZED)
        verdict = self._cached(authorizer, token)
        if verdict is None:
            verdict = self._ask(authorizer, token, arn)
            self._remember(authorizer, token, verdict)
        _check(verdict.policy, arn)
        return {**verdict.context, "principalId": verdict.principal}

    def _cached(self, authorizer: Authorizer, token: str) -> Verdict | None:
        with self._guard:
            until, verdict = self._cache.get((authorizer.name, token), (0.0, None))
            return verdict if until > self._clock() else None

    def _remember(self, authorizer: Authorizer, token: str, verdict: Verdict) -> None:
        if authorizer.ttl_s > 0:
            with self._guard:
                key = (authorizer.name, token)
                self._cache[key] = (self._clock() + authorizer.ttl_s, verdict)
                self._cache.move_to_end(key)
                while len(self._cache) > _CACHED:
                    self._cache.popitem(last=False)

    def _ask(self, authorizer: Authorizer, token: str, arn: str) -> Verdict:
        self._may_ask(authorizer)
        event = {"type": "TOKEN", "methodArn": arn, "authorizationToken": token}
        result = self._invoke(authorizer.function, json.dumps(event).encode())
        document = json.loads(result["Payload"])
        if result.get("FunctionError"):
            if document.get("errorMessage") == "Unauthorized":
                raise Refused(UNAUTHORIZED)
            raise Refused(AUTHORIZER_FAILED)
        return _verdict(document)

    def _may_ask(self, authorizer: Authorizer) -> None:
        try:
            if self._check is not None:
                self._check(authorizer.function, authorizer.name)
        except AwsError as error:
            raise Refused(AUTHORIZER_MISCONFIGURED) from error


def _is_well_formed(authorizer: Authorizer, token: str) -> bool:
    pattern = authorizer.token_pattern
    return pattern is None or re.fullmatch(pattern, token) is not None


def _verdict(document: Any) -> Verdict:
    if not isinstance(document, dict) or not isinstance(document.get("policyDocument"), dict):
        raise Refused(AUTHORIZER_MISCONFIGURED)
    principal = document.get("principalId")
    context = document.get("context") or {}
    simple = all(isinstance(each, str | int | float | bool) for each in context.values())
    if not isinstance(principal, str) or not simple:
        raise Refused(AUTHORIZER_MISCONFIGURED)
    return Verdict(
        principal, document["policyDocument"], {name: _text(v) for name, v in context.items()}
    )


def _text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check(policy: Mapping[str, Any], arn: str) -> None:
    """Raise Refused unless a statement allows the method and none denies it."""
    effects = {effect for effect, statement in _statements(policy) if _covers(statement, arn)}
    if "Deny" in effects:
        raise Refused(denied(explicitly=True))
    if "Allow" not in effects:
        raise Refused(denied(explicitly=False))


def _statements(policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    found = policy.get("Statement", [])
    for statement in found if isinstance(found, list) else [found]:
        if set(statement) - {"Effect", "Action", "Resource", "Sid"}:
            raise Refused(AUTHORIZER_MISCONFIGURED)
        yield str(statement.get("Effect")), statement


def _covers(statement: Mapping[str, Any], arn: str) -> bool:
    action = any(
        wildcard(each.lower()).fullmatch("execute-api:invoke")
        for each in _listed(statement.get("Action"))
    )
    return action and any(
        wildcard(each).fullmatch(arn) for each in _listed(statement.get("Resource"))
    )


def _listed(value: Any) -> list[str]:
    return [str(each) for each in (value if isinstance(value, list) else [value])]
