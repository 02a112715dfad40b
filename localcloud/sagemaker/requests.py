"""Parts of requests that several operations share: errors, unsupported fields, pages of lists.

Errors are worded as AWS's are where these are known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from localcloud.clock import utc
from localcloud.errors import AwsError
from localcloud.service import Params, Result


def validation_error(message: str) -> AwsError:
    """Return a ValidationException of the control plane."""
    return AwsError("ValidationException", message)


def not_found(kind: str, arn: str) -> AwsError:
    """Return the control plane's error for a resource that does not exist."""
    return validation_error(f'Could not find {kind} "{arn}".')


def already_exists(kind: str, arn: str) -> AwsError:
    """Return the control plane's error for a resource that exists already."""
    return validation_error(f'Cannot create already existing {kind} "{arn}".')


def invocation_error(message: str) -> AwsError:
    """Return a ValidationError of the runtime."""
    return AwsError("ValidationError", message)


def check_name(name: str, max_length: int = 63) -> None:
    """Raise ValidationException unless `name` is letters and digits with hyphens between them."""
    if not _NAME.fullmatch(name) or len(name) > max_length:
        raise validation_error(
            f"{name!r} is not a valid name: at most {max_length} letters, digits, and hyphens "
            "between them."
        )


def check_unsupported(params: Params, names: Iterable[str], where: str = "") -> None:
    """Raise ValidationException for the first of `names` in `params`, naming its place `where`."""
    for name in names:
        if params.get(name):
            place = f" of {where}" if where else ""
            raise validation_error(
                f"The local cloud can't use {name}{place}; leave it out, or use SageMaker on AWS."
            )


PAGE_SIZE = 10
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")


class Listable(Protocol):
    """A resource that lists can contain."""

    @property
    def name(self) -> str: ...

    @property
    def created_at(self) -> float: ...


Item = TypeVar("Item", bound=Listable)


def list_page(
    params: Params,
    member: str,
    items: Sequence[Item],
    summarize: Callable[[Item], Mapping[str, Any]],
) -> Result:
    """Return one page of the `items` that match, as the response member `member`.

    Args:
        params: the request, with its filters, its order and its page.
        member: the name of the list in the response.
        items: all resources, the oldest first.
        summarize: returns the list entry of a resource.

    Raises:
        AwsError: ValidationException for an invalid NextToken.
    """
    matching = [item for item in items if _matches(item, params)]
    if params.get("SortBy") == "Name":
        matching.sort(key=lambda item: item.name)
    if params.get("SortOrder", "Descending") == "Descending":
        matching.reverse()
    token = params.get("NextToken", "0")
    if not token.isdecimal():
        raise validation_error("The NextToken is not valid.")
    begin, size = int(token), params.get("MaxResults", PAGE_SIZE)
    more = {"NextToken": str(begin + size)} if len(matching) > begin + size else {}
    return {member: [summarize(item) for item in matching[begin : begin + size]], **more}


def _matches(item: Listable, params: Params) -> bool:
    created = utc(item.created_at)
    return (
        params.get("NameContains", "") in item.name
        and params.get("CreationTimeAfter", created) <= created
        and params.get("CreationTimeBefore", created) >= created
    )
