"""Errors for calls that are not allowed, with the code and wording of each service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.errors import AwsError
from localcloud.iam.policy import AccessDecision
from localcloud.iam.resources import RequiredPermission

_CODES: Mapping[str, tuple[str, int]] = {
    "dynamodb": ("AccessDeniedException", 400),
    "iam": ("AccessDenied", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "stepfunctions": ("AccessDeniedException", 400),
    "sts": ("AccessDenied", 403),
}
_DEFAULT_CODE = ("AccessDeniedException", 403)


def access_denied(
    service: str, caller_arn: str, permission: RequiredPermission, decision: AccessDecision
) -> AwsError:
    """Return the error for a permission that the caller lacks.

    SQS writes actions in lower case, and S3 puts resources in quotation marks. For a role, the
    message ends with the switch that has it not checked.
    """
    action = permission.action.lower() if service == "sqs" else permission.action
    resource = f'"{permission.resource}"' if service == "s3" else permission.resource
    why = (
        f"with an explicit deny in {_policy_source(decision)}-based policy"
        if decision.match is not None
        else f"because no {_policy_type(caller_arn)}-based policy allows the {action} action"
    )
    code, status = _CODES.get(service, _DEFAULT_CODE)
    return AwsError(
        code,
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} {why}"
        f"{_advice(caller_arn)}",
        status,
    )


def _advice(caller_arn: str) -> str:
    """Return what helps who uses the local cloud alone: AWS has no such switch."""
    if ":assumed-role/" not in caller_arn:
        return ""
    return " (The local cloud checks roles as AWS does; `headrace up --iam off` does not.)"


def _policy_source(decision: AccessDecision) -> str:
    return "a resource" if decision.source == "resource" else "an identity"


def _policy_type(caller_arn: str) -> str:
    """Return the type of policy that could allow the call; services have no identity-based ones."""
    return "identity" if caller_arn.startswith("arn:") else "resource"


def invalid_access_key(service: str, access_key: str) -> AwsError:
    """Return the error for an access key that the account does not have."""
    if service == "s3":
        return AwsError(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            403,
            AWSAccessKeyId=access_key,
        )
    code = "InvalidClientTokenId" if service in ("iam", "sns", "sts") else _UNRECOGNISED
    return AwsError(
        code,
        "The security token included in the request is invalid. The local cloud knows the access "
        "key `test` with the secret `test`, and the keys that it gives to functions.",
        403,
    )


_UNRECOGNISED = "UnrecognizedClientException"


def invalid_session_token(service: str) -> AwsError:
    """Return the error for a session token that does not belong to its access key."""
    if service == "s3":
        return AwsError(
            "InvalidToken", "The provided token is malformed or otherwise invalid.", 400
        )
    code = "InvalidClientTokenId" if service in ("iam", "sns", "sts") else _UNRECOGNISED
    return AwsError(code, "The security token included in the request is invalid.", 403)


def invalid_signature(service: str, message: str) -> AwsError:
    """Return the error for a signature that is not that of its request."""
    if service in ("s3", "iam", "sns", "sts"):
        return AwsError("SignatureDoesNotMatch", message, 403)
    return AwsError("InvalidSignatureException", message, 403)
