"""The errors of SageMaker, in its own words where AWS's are known."""

from __future__ import annotations

from collections.abc import Iterable

from localcloud.errors import AwsError
from localcloud.service import Params


def invalid(message: str) -> AwsError:
    """Return the control plane's answer to what cannot be."""
    return AwsError("ValidationException", message)


def missing(kind: str, arn: str) -> AwsError:
    """Return the control plane's answer where there is no such thing."""
    return invalid(f'Could not find {kind} "{arn}".')


def taken(kind: str, arn: str) -> AwsError:
    """Return the control plane's answer where there is such a thing already."""
    return invalid(f'Cannot create already existing {kind} "{arn}".')


def not_invocable(message: str) -> AwsError:
    """Return the runtime's answer to a call that cannot be made of this endpoint."""
    return AwsError("ValidationError", message)


def refuse(params: Params, names: Iterable[str], where: str = "") -> None:
    """Raise for the first of `names` that is given: what the local cloud does not have."""
    for name in names:
        if params.get(name):
            at = f" of {where}" if where else ""
            raise invalid(
                f"The local cloud can't use {name}{at}; leave it out, or use SageMaker on AWS."
            )
