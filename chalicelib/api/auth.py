"""API keys: who a Bearer token belongs to, asked afresh for every request."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

from chalice.app import AuthRequest, AuthResponse

from chalicelib.query_ports import ApiKeyRecords

_BEARER = re.compile(r"Bearer +(hr_[A-Za-z0-9_-]{32,128}) *", re.ASCII | re.IGNORECASE)


def hash_key(key: str) -> str:
    """Return the hash under which `key` is kept: keys are random, so plain SHA-256 will do."""
    return hashlib.sha256(key.encode()).hexdigest()


def authorize(request: AuthRequest, keys: ApiKeyRecords) -> AuthResponse | dict[str, Any]:
    """Return API Gateway's policy for the token: all routes as its tenant, or none.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    """
    match = _BEARER.fullmatch(request.token or "")
    if match is None:
        return _denied()
    presented = hash_key(match.group(1))
    key = keys.api_key(presented)
    if key is None or not hmac.compare_digest(key.key_hash, presented):
        return _denied()
    return AuthResponse(routes=["*"], principal_id=key.tenant, context={"tenant": key.tenant})


def _denied() -> dict[str, Any]:
    """Return an explicit refusal; Chalice's empty list of routes is no valid policy on AWS."""
    statement = {"Action": "execute-api:Invoke", "Effect": "Deny", "Resource": ["*"]}
    return {
        "context": {},
        "principalId": "unknown",
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
