"""What moto would accept and then not do, or not keep: refused before it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping

from localcloud.errors import AwsError

_REFUSED: Mapping[tuple[str, str], str] = {
    ("sns", "Subscribe"): (
        "The local cloud keeps SNS topics and takes what is published, "
        "but delivers to no subscription; it works on AWS only."
    ),
    ("dynamodb", "CreateBackup"): (
        "The local cloud keeps no backups of tables; copy its data directory, "
        "or use backups on AWS."
    ),
}
_SYMMETRIC = ("SYMMETRIC_DEFAULT", "HMAC_224", "HMAC_256", "HMAC_384", "HMAC_512")


def refusal(service: str, operation: str, body: bytes) -> AwsError | None:
    """Return the error to answer instead of asking moto, or None."""
    words = _REFUSED.get((service, operation))
    if (service, operation) == ("kms", "CreateKey"):
        words = _key_refused(body)
    return AwsError("UnsupportedOperation", words, 501) if words else None


def _key_refused(body: bytes) -> str | None:
    try:
        asked = json.loads(body or b"{}")
    except ValueError:
        return None  # moto words this one itself
    if not isinstance(asked, dict):
        return None
    spec = asked.get("KeySpec") or asked.get("CustomerMasterKeySpec") or _SYMMETRIC[0]
    if spec in _SYMMETRIC:
        return None
    return (
        f"The local cloud keeps no {spec} keys, for it could not have the same key after a "
        "restart; they work on AWS only."
    )
