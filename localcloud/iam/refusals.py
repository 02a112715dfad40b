"""How a call that is not allowed is answered, in the words and with the code of its service.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.errors import AwsError
from localcloud.iam.needs import Need
from localcloud.iam.policy import Decision

_CODES: Mapping[str, tuple[str, int]] = {
    "dynamodb": ("AccessDeniedException", 400),
    "iam": ("AccessDenied", 403),
    "s3": ("AccessDenied", 403),
    "sns": ("AuthorizationError", 403),
    "sqs": ("AccessDenied", 403),
    "stepfunctions": ("AccessDeniedException", 400),
    "sts": ("AccessDenied", 403),
}
_OTHERS = ("AccessDeniedException", 403)


def denied(service: str, caller_arn: str, need: Need, decision: Decision) -> AwsError:
    """Return the refusal of `need`; the status is that which the service has for it.

    SQS writes actions in lower case, and S3 resources between quotation marks.
    """
    action = need.action.lower() if service == "sqs" else need.action
    resource = f'"{need.resource}"' if service == "s3" else need.resource
    why = (
        f"with an explicit deny in {_article(decision)}-based policy"
        if decision.match is not None
        else f"because no {_kind(caller_arn)}-based policy allows the {action} action"
    )
    code, status = _CODES.get(service, _OTHERS)
    return AwsError(
        code,
        f"User: {caller_arn} is not authorized to perform: {action} on resource: {resource} {why}",
        status,
    )


def _article(decision: Decision) -> str:
    return "a resource" if decision.source == "resource" else "an identity"


def _kind(caller_arn: str) -> str:
    """A service has no policies of its own; a resource's would have to let it in."""
    return "identity" if caller_arn.startswith("arn:") else "resource"


def unknown_key(service: str, access_key: str) -> AwsError:
    """Return the refusal of an access key that the account does not have."""
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


def wrong_token(service: str) -> AwsError:
    """Return the refusal of a session token that does not belong to its access key."""
    if service == "s3":
        return AwsError(
            "InvalidToken", "The provided token is malformed or otherwise invalid.", 400
        )
    code = "InvalidClientTokenId" if service in ("iam", "sns", "sts") else _UNRECOGNISED
    return AwsError(code, "The security token included in the request is invalid.", 403)
