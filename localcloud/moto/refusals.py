"""Refusals of calls that moto would accept and then not do, or not keep across a restart."""

from __future__ import annotations

import json
from collections.abc import Mapping

from localcloud.errors import AwsError

_UNSUPPORTED: Mapping[tuple[str, str], str] = {
    ("sns", "Subscribe"): (
        "The local cloud keeps SNS topics and takes what is published, "
        "but delivers to no subscription; it works on AWS only."
    ),
    ("dynamodb", "CreateBackup"): (
        "The local cloud keeps no backups of tables; copy its data directory, "
        "or use backups on AWS."
    ),
}
_SYMMETRIC_KEY_SPECS = ("SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512")


def check_supported(service: str, operation: str, body: bytes) -> None:
    """Raise UnsupportedOperation for a call that moto must not be given."""
    reason = _UNSUPPORTED.get((service, operation))
    if (service, operation) == ("kms", "CreateKey"):
        reason = _unsupported_key(body)
    if reason:
        raise AwsError("UnsupportedOperation", reason, 501)


def _unsupported_key(body: bytes) -> str | None:
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return None  # moto words this error itself
    if not isinstance(request, dict):
        return None
    spec = request.get("KeySpec") or request.get("CustomerMasterKeySpec") or _SYMMETRIC_KEY_SPECS[0]
    if spec in _SYMMETRIC_KEY_SPECS:
        return None
    return (
        f"The local cloud keeps no {spec} keys, for it could not have the same key after a "
        "restart; they work on AWS only."
    )
