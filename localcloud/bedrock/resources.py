"""Names and ids of Bedrock's jobs and models, and what is answered for wrong ones."""

from __future__ import annotations

import re
import secrets
import string

from localcloud.bedrock.content import validation_error
from localcloud.errors import AwsError

_ALPHABET = string.ascii_lowercase + string.digits
_NAME = re.compile(r"(?=.{1,63}$)([0-9a-zA-Z][_-]?)+")


def check_resource_name(field: str, name: str) -> None:
    """Raise ValidationException for a name that no custom model, deployment or capacity has."""
    if not _NAME.fullmatch(name):
        raise validation_error(f"{field} has to satisfy the pattern ([0-9a-zA-Z][_-]?){{1,63}}.")


def new_id() -> str:
    """Return the id of a job, a model or a deployment: 12 letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(12))


def not_found(what: str) -> AwsError:
    """Return the ResourceNotFoundException for a name or ARN of nothing."""
    return AwsError(
        "ResourceNotFoundException", f"The provided {what} identifier could not be found.", 404
    )


def name_in_use(what: str) -> AwsError:
    """Return the ConflictException for a name that another has."""
    return AwsError("ConflictException", f"The provided {what} is in use.", 400)
