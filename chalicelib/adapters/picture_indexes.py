"""The indexes of a tenant's pictures by models that the stage serves, each made on its first use.

The pointer record of the tenant names them, so that whoever removes vectors finds them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import Table, Update
from chalicelib.adapters.record_writes import EXISTS, tenant_key

if TYPE_CHECKING:
    from chalicelib.adapters.indexes import Indexes
    from chalicelib.ports import IndexRef


class PictureIndexes:
    """Makes indexes of pictures, and notes them."""

    def __init__(self, table: Table, indexes: Indexes) -> None:
        self._table = table
        self._indexes = indexes

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        """Note an index, then make it; one that is there already is no error.

        Raises:
            Conflict: the tenant is gone.
        """
        self._table.update(
            Update(
                tenant_key(tenant),
                "ADD #picture_indexes :index",
                {":index": frozenset({index.name})},
                EXISTS,
            )
        )
        self._indexes.create(index, dimensions)
