"""Which models an operator added to the stage.

MODELS   ADDED   all of them, as one document of JSON, and the number of its version
"""

from __future__ import annotations

from chalicelib.adapters.dynamodb import DynamoTable, Put, Value, WriteCondition
from chalicelib.adapters.records.models import PK
from chalicelib.errors import HeadraceError
from chalicelib.generation.added_models import AddedModels, AddedModelsError, load_added_models

ADDED_MODELS = "ADDED"


class AddedModelRecords:
    """The added models of a stage."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def read(self) -> tuple[AddedModels, int]:
        """Return the added models, and the number of their version, for `write`.

        Raises:
            HeadraceError: what is kept cannot be read.
            Transient, Throttled: DynamoDB did not answer.
        """
        found = self._table.get((PK, ADDED_MODELS))
        if found is None:
            return AddedModels(), 0
        try:
            return load_added_models(str(found["models"])), int(found["version"])
        except AddedModelsError as error:
            raise HeadraceError(str(error)) from error

    def write(self, added: AddedModels, version: int) -> None:
        """Replace the added models whose version was read; raise `Conflict` if they changed."""
        item: dict[str, Value] = {"pk": PK, "sk": ADDED_MODELS, "models": added.dump()}
        condition = (
            WriteCondition("#version = :version", {":version": version})
            if version
            else WriteCondition("attribute_not_exists(#version)")
        )
        self._table.put(Put({**item, "version": version + 1}, condition))
