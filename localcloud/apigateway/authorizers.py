"""Lambda authorizers: from a caller's token to a policy and a context.

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

from localcloud.apigateway.gateway_responses import (
    AUTHORIZER_FAILURE,
    AUTHORIZER_MISCONFIGURED,
    UNAUTHORIZED,
    GatewayFailure,
    access_denied,
)
from localcloud.apigateway.rest_api import TokenAuthorizer
from localcloud.errors import AwsError
from localcloud.iam.conditions import wildcard

Invoke = Callable[[str, bytes], Mapping[str, Any]]
"""Invokes a function by name; returns what Lambda's Invoke returns, and raises AwsError."""

CheckInvoke = Callable[[str, str], None]
"""Raises AwsError unless a function, by name, lets an authorizer, by name, invoke it."""

_MAX_CACHED = 1_000
_Cache = OrderedDict[tuple[str, str], tuple[float, "AuthorizerResult"]]


class RequestRefusedError(Exception):
    """Raised when a caller is not authorized; `failure` is the gateway's response."""

    def __init__(self, failure: GatewayFailure) -> None:
        super().__init__(failure.response_type)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class AuthorizerResult:
    """The result of an authorizer for one token."""

    principal: str
    policy: Mapping[str, Any]
    context: Mapping[str, str]


class Authorizers:
    """Invokes authorizer functions, and caches their results."""

    def __init__(
        self,
        invoke: Invoke,
        monotonic: Callable[[], float],
        check_invoke: CheckInvoke | None = None,
    ) -> None:
        """Invoke by `invoke` if `check_invoke` permits; `monotonic` returns seconds."""
        self._check_invoke = check_invoke
        self._invoke = invoke
        self._monotonic = monotonic
        self._cache: _Cache = OrderedDict()
        self._lock = threading.Lock()

    def authorize(
        self, authorizer: TokenAuthorizer, token: str | None, method_arn: str
    ) -> dict[str, str]:
        """Return the authorizer context of a caller with `token`. Raises RequestRefusedError."""
        if not token or not _is_well_formed(authorizer, token):
            raise RequestRefusedError(UNAUTHORIZED)
        result = self._cached(authorizer, token)
        if result is None:
            result = self._call(authorizer, token, method_arn)
            self._cache_result(authorizer, token, result)
        _check_policy(result.policy, method_arn)
        return {**result.context, "principalId": result.principal}

    def _cached(self, authorizer: TokenAuthorizer, token: str) -> AuthorizerResult | None:
        with self._lock:
            expires_at, result = self._cache.get((authorizer.name, token), (0.0, None))
            return result if expires_at > self._monotonic() else None

    def _cache_result(
        self, authorizer: TokenAuthorizer, token: str, result: AuthorizerResult
    ) -> None:
        if authorizer.ttl_s > 0:
            with self._lock:
                key = (authorizer.name, token)
                self._cache[key] = (self._monotonic() + authorizer.ttl_s, result)
                self._cache.move_to_end(key)
                while len(self._cache) > _MAX_CACHED:
                    self._cache.popitem(last=False)

    def _call(self, authorizer: TokenAuthorizer, token: str, method_arn: str) -> AuthorizerResult:
        self._check_may_invoke(authorizer)
        event = {"type": "TOKEN", "methodArn": method_arn, "authorizationToken": token}
        try:
            response = self._invoke(authorizer.function, json.dumps(event).encode())
        except AwsError as error:
            # Whatever keeps Lambda from running it: that the account is throttled, most of all.
            raise RequestRefusedError(AUTHORIZER_MISCONFIGURED) from error
        document = json.loads(response["Payload"])
        if response.get("FunctionError"):
            if document.get("errorMessage") == "Unauthorized":
                raise RequestRefusedError(UNAUTHORIZED)
            raise RequestRefusedError(AUTHORIZER_FAILURE)
        return _read_result(document)

    def _check_may_invoke(self, authorizer: TokenAuthorizer) -> None:
        try:
            if self._check_invoke is not None:
                self._check_invoke(authorizer.function, authorizer.name)
        except AwsError as error:
            raise RequestRefusedError(AUTHORIZER_MISCONFIGURED) from error


def _is_well_formed(authorizer: TokenAuthorizer, token: str) -> bool:
    pattern = authorizer.token_pattern
    return pattern is None or re.fullmatch(pattern, token) is not None


def _read_result(document: Any) -> AuthorizerResult:
    if not isinstance(document, dict) or not isinstance(document.get("policyDocument"), dict):
        raise RequestRefusedError(AUTHORIZER_MISCONFIGURED)
    principal = document.get("principalId")
    context = document.get("context") or {}
    is_flat = all(isinstance(value, str | int | float | bool) for value in context.values())
    if not isinstance(principal, str) or not is_flat:
        raise RequestRefusedError(AUTHORIZER_MISCONFIGURED)
    texts = {name: _context_text(value) for name, value in context.items()}
    return AuthorizerResult(principal, document["policyDocument"], texts)


def _context_text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_policy(policy: Mapping[str, Any], method_arn: str) -> None:
    """Raise RequestRefusedError unless a statement allows the method and none denies it."""
    effects = {
        effect for effect, statement in _statements(policy) if _covers(statement, method_arn)
    }
    if "Deny" in effects:
        raise RequestRefusedError(access_denied(explicitly=True))
    if "Allow" not in effects:
        raise RequestRefusedError(access_denied(explicitly=False))


def _statements(policy: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    statements = policy.get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        if set(statement) - {"Effect", "Action", "Resource", "Sid"}:
            raise RequestRefusedError(AUTHORIZER_MISCONFIGURED)
        yield str(statement.get("Effect")), statement


def _covers(statement: Mapping[str, Any], method_arn: str) -> bool:
    has_action = any(
        wildcard(action.lower()).fullmatch("execute-api:invoke")
        for action in _texts(statement.get("Action"))
    )
    return has_action and any(
        wildcard(resource).fullmatch(method_arn) for resource in _texts(statement.get("Resource"))
    )


def _texts(value: Any) -> list[str]:
    return [str(item) for item in (value if isinstance(value, list) else [value])]
