"""Authorization by API keys: a Bearer token is looked up for every request."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Any, Protocol

from chalice.app import AuthRequest, AuthResponse

if TYPE_CHECKING:
    from chalicelib.contracts.keys import ApiKey

BEARER = r"[Bb][Ee][Aa][Rr][Ee][Rr] +(hr_[A-Za-z0-9_-]{32,128}) *"
"""The form of a token. API Gateway refuses any other by the same expression, free of charge."""

KEY_ID_CHARACTERS = 12
"""Characters of a key's hash that identify it in access logs: enough to tell keys apart."""


class ApiKeyRecords(Protocol):
    """Looks up API keys."""

    def api_key(self, key_hash: str) -> ApiKey | None:
        """Return the key with this hash, or None once it is revoked or was never made."""


def hash_key(key: str) -> str:
    """Return the hash under which `key` is stored; keys are random, so plain SHA-256 suffices."""
    return hashlib.sha256(key.encode()).hexdigest()


def authorize(request: AuthRequest, keys: ApiKeyRecords) -> AuthResponse | dict[str, Any]:
    """Return API Gateway's policy for the token: all routes for its tenant, or none.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    """
    match = re.fullmatch(BEARER, request.token or "")
    if match is None:
        return _denied()
    presented = hash_key(match.group(1))
    key = keys.api_key(presented)
    if key is None or not hmac.compare_digest(key.key_hash, presented):
        return _denied()
    context = {"tenant": key.tenant, "key": key.key_hash[:KEY_ID_CHARACTERS]}
    if key.operator:
        context["operator"] = "true"
    return AuthResponse(routes=["*"], principal_id=key.tenant, context=context)


def _denied() -> dict[str, Any]:
    """Return an explicit denial: Chalice's empty list of routes is not a valid policy on AWS."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": ["*"]}
    return {
        "context": {},
        "principalId": "unknown",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
