"""Lists of models, configurations and endpoints: narrowed, ordered, and a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from localcloud.clock import utc
from localcloud.sagemaker.refusals import invalid
from localcloud.service import Params, Result

PAGE = 10


class Named(Protocol):
    """What can be listed."""

    @property
    def name(self) -> str: ...

    @property
    def created_at(self) -> float: ...


Item = TypeVar("Item", bound=Named)


def listed(
    params: Params,
    member: str,
    items: Sequence[Item],
    shown: Callable[[Item], Mapping[str, Any]],
) -> Result:
    """Return one page of `items`, given oldest first, under the name `member`.

    Raises ValidationException for a token that was not given out.
    """
    found = [item for item in items if _is_asked_for(item, params)]
    if params.get("SortBy") == "Name":
        found.sort(key=lambda item: item.name)
    if params.get("SortOrder", "Descending") == "Descending":
        found.reverse()
    token = params.get("NextToken", "0")
    if not token.isdecimal():
        raise invalid("The NextToken is not one that was given.")
    begin, size = int(token), params.get("MaxResults", PAGE)
    more = {"NextToken": str(begin + size)} if len(found) > begin + size else {}
    return {member: [shown(item) for item in found[begin : begin + size]], **more}


def _is_asked_for(item: Named, params: Params) -> bool:
    made = utc(item.created_at)
    return (
        params.get("NameContains", "") in item.name
        and params.get("CreationTimeAfter", made) <= made
        and params.get("CreationTimeBefore", made) >= made
    )
