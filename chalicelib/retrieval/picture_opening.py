"""Indexes of pictures are made when the first picture is put into them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.errors import NotFound

if TYPE_CHECKING:
    from chalicelib.ports import IndexRef, PictureIndexes, TenantState


def put_opened(
    indexes: PictureIndexes,
    tenant: str,
    state: TenantState,
    index: IndexRef,
    dimensions: int,
    put: Callable[[], object],
) -> None:
    """Call `put`, and make the index for it if the tenant's pointer names none, or none is there.

    The pointer names an index before it has a vector, so that whoever removes vectors meets it; a
    put that was cut off in between leaves one that is named and not made.
    """
    if index not in state.pictures:
        indexes.open(tenant, index, dimensions)
    try:
        put()
    except NotFound:
        indexes.open(tenant, index, dimensions)
        put()
