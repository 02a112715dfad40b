"""The Amazon DynamoDB service (botocore's `dynamodb`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from localcloud.clock import Clock
from localcloud.dynamodb.expiry import ExpirySweep
from localcloud.dynamodb.item_reads import ItemReadOperations
from localcloud.dynamodb.item_writes import ItemWriteOperations
from localcloud.dynamodb.queries import ItemQueryOperations
from localcloud.dynamodb.requests import read_request
from localcloud.dynamodb.responses import json_response
from localcloud.dynamodb.store import ItemStore
from localcloud.dynamodb.table_operations import TableOperations
from localcloud.dynamodb.transactions import TransactionOperations
from localcloud.errors import unsupported
from localcloud.service import CloudContext, Params, Result
from localcloud.wire.responses import WireResponse

NAME = "dynamodb"
DATABASE = "items.sqlite3"


class DynamoDbService:
    """DynamoDB on one SQLite database. Any thread may call it.

    Unlike other services it reads and writes JSON itself, so that a stored item is sent as it is.
    """

    def __init__(self, context: CloudContext, clock: Clock = time.time) -> None:
        """Open the database in the data folder, and remove what has expired."""
        store = ItemStore(context.folder(NAME) / DATABASE)
        self._store = store
        tables = TableOperations(context, store, clock)
        reads, writes = ItemReadOperations(store), ItemWriteOperations(store)
        queries, transactions = ItemQueryOperations(store), TransactionOperations(store, clock)
        self._sweep = ExpirySweep(store, clock)
        self._changing_tables = threading.Lock()
        table_calls: Mapping[str, Callable[[Params], Result]] = {
            "CreateTable": tables.create_table,
            "DescribeTable": tables.describe_table,
            "ListTables": tables.list_tables,
            "DeleteTable": tables.delete_table,
            "UpdateTable": tables.update_table,
            "UpdateTimeToLive": tables.update_time_to_live,
            "DescribeTimeToLive": tables.describe_time_to_live,
            "UpdateContinuousBackups": tables.update_continuous_backups,
            "DescribeContinuousBackups": tables.describe_continuous_backups,
            "CreateBackup": tables.create_backup,
            "TagResource": tables.tag_resource,
            "UntagResource": tables.untag_resource,
            "ListTagsOfResource": tables.list_tags_of_resource,
        }
        self._operations: Mapping[str, Callable[[Params], Result]] = {
            **{name: self._one_at_a_time(call) for name, call in table_calls.items()},
            "GetItem": reads.get_item,
            "BatchGetItem": reads.batch_get_item,
            "BatchWriteItem": reads.batch_write_item,
            "PutItem": writes.put_item,
            "UpdateItem": writes.update_item,
            "DeleteItem": writes.delete_item,
            "Query": queries.query,
            "Scan": queries.scan,
            "TransactWriteItems": transactions.transact_write_items,
            "TransactGetItems": transactions.transact_get_items,
        }

    def _one_at_a_time(self, call: Callable[[Params], Result]) -> Callable[[Params], Result]:
        """Return `call`, which decides by a table's definition and then changes it, in turn."""

        def run(params: Params) -> Result:
            with self._changing_tables:
                return call(params)

        return run

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def handle(self, operation: str, params: object) -> WireResponse:
        """Answer a call with these parameters, as JSON values. Raises AwsError."""
        run = self._operations.get(operation)
        if run is None:
            raise unsupported("DynamoDB", f"the operation {operation}")
        self._sweep.run_if_due()
        return json_response(run(read_request(operation, params)))

    def hash_key(self, table: str) -> str | None:
        """Return the name of a table's partition key, None if there is no such table."""
        found = self._store.find_table(table)
        return None if found is None else found.keys.hash.name
