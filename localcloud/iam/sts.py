"""The STS operations AssumeRole and GetCallerIdentity.

The administrator may assume any role, whatever its trust policy says, so that the permissions of a
function can be tried by hand. The key does not expire, although the response gives an expiration
as AWS does.
https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from xml.sax.saxutils import escape

from localcloud.errors import AwsError
from localcloud.iam.guard import AccessGuard, Caller
from localcloud.iam.resources import Params
from localcloud.wire.responses import WireResponse

_ROLE = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_SESSION = re.compile(r"[\w+=,.@-]{2,64}")
_DEFAULT_S = 3600
_NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


def answer_sts(
    guard: AccessGuard, caller: Caller, operation: str, params: Params
) -> WireResponse | None:
    """Return the answer to an STS operation, or None if the operation is not served here."""
    serve = _OPERATIONS.get(operation)
    return None if serve is None else _xml_response(operation, serve(guard, caller, params))


def _assume_role(guard: AccessGuard, caller: Caller, params: Params) -> str:
    role, session = str(params.get("RoleArn", "")), str(params.get("RoleSessionName", ""))
    for name, text, pattern in (("RoleArn", role, _ROLE), ("RoleSessionName", session, _SESSION)):
        if not pattern.fullmatch(text):
            raise AwsError("ValidationError", f"{name} {text!r} does not match {pattern.pattern}.")
    credentials = guard.issue(role, session)
    seconds = int(params.get("DurationSeconds", _DEFAULT_S))
    expires = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    user = guard.role_caller(role, session).arn
    role_id = "AROA" + hashlib.sha256(role.encode()).hexdigest()[:17].upper()
    return (
        f"<Credentials><AccessKeyId>{credentials.access_key}</AccessKeyId>"
        f"<SecretAccessKey>{credentials.secret}</SecretAccessKey>"
        f"<SessionToken>{credentials.token}</SessionToken>"
        f"<Expiration>{expires}</Expiration></Credentials>"
        f"<AssumedRoleUser><AssumedRoleId>{role_id}:{escape(session)}</AssumedRoleId>"
        f"<Arn>{escape(user)}</Arn></AssumedRoleUser>"
    )


def _caller_identity(guard: AccessGuard, caller: Caller, params: Params) -> str:
    account = caller.arn.split(":")[4]
    user = hashlib.sha256(caller.arn.encode()).hexdigest()[:21].upper()
    return f"<Arn>{escape(caller.arn)}</Arn><UserId>{user}</UserId><Account>{account}</Account>"


_OPERATIONS: Mapping[str, Callable[[AccessGuard, Caller, Params], str]] = {
    "AssumeRole": _assume_role,
    "GetCallerIdentity": _caller_identity,
}


def _xml_response(operation: str, result: str) -> WireResponse:
    body = (
        f'<{operation}Response xmlns="{_NAMESPACE}"><{operation}Result>{result}'
        f"</{operation}Result><ResponseMetadata><RequestId>{uuid4()}</RequestId>"
        f"</ResponseMetadata></{operation}Response>"
    )
    return WireResponse(200, {"Content-Type": "text/xml"}, body.encode())
