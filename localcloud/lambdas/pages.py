"""Pages as Lambda's list operations return them: Marker in, NextMarker out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.errors import AwsError
from localcloud.paging import InvalidToken, page
from localcloud.service import Params, Result

_LARGEST = 50


def page_of(
    member: str,
    items: Sequence[Mapping[str, Any]],
    params: Params,
    key: Callable[[Mapping[str, Any]], str],
) -> Result:
    """Return the page of `items`, sorted by `key`, that `params` asks for, under `member`."""
    limit = min(int(params.get("MaxItems") or _LARGEST), _LARGEST)
    try:
        chosen, marker = page(items, key, limit, params.get("Marker"))
    except InvalidToken as error:
        raise AwsError("InvalidParameterValueException", f"Invalid Marker. {error}") from error
    return {member: chosen, "NextMarker": marker} if marker else {member: chosen}
