"""The services that moto's engines answer, made durable by a journal.

moto keeps everything in memory. Each call that changes something is therefore written to a
journal before it is acknowledged, together with a seed for moto's random identifiers; a start
replays the journal, which yields the same state with the same identifiers.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import BotocoreStubber
from moto.moto_api._internal import mock_random

from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.service import Surroundings
from localcloud.wire.answers import Answer

HOSTS: Mapping[str, str] = {
    "dynamodb": "dynamodb.{region}.amazonaws.com",
    "sns": "sns.{region}.amazonaws.com",
    "ssm": "ssm.{region}.amazonaws.com",
    "secretsmanager": "secretsmanager.{region}.amazonaws.com",
    "kms": "kms.{region}.amazonaws.com",
    "logs": "logs.{region}.amazonaws.com",
    "monitoring": "monitoring.{region}.amazonaws.com",
    "iam": "iam.amazonaws.com",
    "sts": "sts.{region}.amazonaws.com",
}
"""Signing names of the services served here, and the host moto knows each by."""

_READS = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet", "Filter", "Head")
_ITEM_WRITES = frozenset(
    {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
)
_COMPACT_ABOVE = 5000
_INTERNAL = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, service TEXT NOT NULL, operation TEXT NOT NULL,
    method TEXT NOT NULL, path TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class RawCall:
    """A call as it came over the wire, which is how moto takes it."""

    service: str
    operation: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class MotoCloud:
    """moto's engines behind one lock and one journal."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Open the journal and replay it."""
        self._surroundings = surroundings
        self._database = Database(surroundings.folder("moto") / "journal.sqlite3", _SCHEMA)
        self._stubber = BotocoreStubber()
        self._lock = threading.Lock()
        self._replay()

    def close(self) -> None:
        """Close the journal."""
        self._database.close()

    def handle(self, call: RawCall) -> Answer:
        """Answer `call`; when it changed something, only once the journal holds it."""
        refusal = _refusal(call)
        if refusal:
            raise refusal
        with self._lock:
            changes = not call.operation.startswith(_READS)
            seq = self._next_seq()
            if changes:
                mock_random.seed(seq)
            answer = self._dispatch(call)
            if changes and answer.status < 300:
                self._append(call, seq)
            return answer

    def _next_seq(self) -> int:
        rows = self._database.read("SELECT seq FROM sqlite_sequence WHERE name = 'journal'")
        return int(rows[0]["seq"]) + 1 if rows else 1

    def _append(self, call: RawCall, seq: int) -> None:
        self._database.write(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
            seq,
            call.service,
            call.operation,
            call.method,
            call.path,
            json.dumps(dict(call.headers)),
            call.body,
        )

    def _dispatch(self, call: RawCall) -> Answer:
        host = HOSTS[call.service].format(region=self._surroundings.region)
        headers = HTTPHeaders()
        for name, value in {**call.headers, "host": host}.items():
            headers[name] = value
        headers["x-moto-account-id"] = self._surroundings.account_id
        request = AWSPreparedRequest(
            call.method, f"https://{host}{call.path}", headers, call.body, False
        )
        answered = self._stubber.process_request(request)
        if answered is None:
            raise AwsError("UnknownOperationException", f"Nothing answers {call.path}.", 404)
        status, answer_headers, body = answered
        raw = body.encode() if isinstance(body, str) else bytes(body or b"")
        kept = {str(k): str(v) for k, v in answer_headers.items() if k.lower() != "content-length"}
        return Answer(int(status), kept, raw)

    def _replay(self) -> None:
        rows = self._database.read("SELECT * FROM journal ORDER BY seq")
        for row in rows:
            mock_random.seed(row["seq"])
            self._dispatch(_call_of(row))
        if len(rows) > _COMPACT_ABOVE:
            self._compact()

    def _compact(self) -> None:
        """Replace every item write by one put of each item that is there now."""
        puts = [
            RawCall("dynamodb", "PutItem", "POST", "/", _dynamodb("PutItem"), body)
            for table in self._tables()
            for body in self._items(table)
        ]
        marks = ", ".join("?" for _ in _ITEM_WRITES)
        with self._database.transaction() as connection:
            connection.execute(f"DELETE FROM journal WHERE operation IN ({marks})", [*_ITEM_WRITES])  # noqa: S608
            connection.executemany(
                "INSERT INTO journal (service, operation, method, path, headers, body) "
                "VALUES ('dynamodb', 'PutItem', 'POST', '/', ?, ?)",
                [(json.dumps(dict(put.headers)), put.body) for put in puts],
            )

    def _tables(self) -> list[str]:
        names: list[str] = self._read("ListTables", {})["TableNames"]
        return names

    def _items(self, table: str) -> list[bytes]:
        items: list[bytes] = []
        start: dict[str, Any] = {}
        while True:
            page = self._read("Scan", {"TableName": table, **start})
            items += [json.dumps({"TableName": table, "Item": i}).encode() for i in page["Items"]]
            if "LastEvaluatedKey" not in page:
                return items
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _read(self, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(params).encode()
        answer = self._dispatch(
            RawCall("dynamodb", operation, "POST", "/", _dynamodb(operation), body)
        )
        result: dict[str, Any] = json.loads(answer.body if isinstance(answer.body, bytes) else b"")
        return result


def _refusal(call: RawCall) -> AwsError | None:
    """Return the error for what moto would accept and then not do."""
    if call.service == "sns" and call.operation == "Subscribe":
        return AwsError(
            "UnsupportedOperation",
            "The local cloud keeps SNS topics and takes what is published, "
            "but delivers to no subscription; it works on AWS only.",
            501,
        )
    return None


def _dynamodb(operation: str) -> dict[str, str]:
    return {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": _INTERNAL,
    }


def _call_of(row: sqlite3.Row) -> RawCall:
    return RawCall(
        row["service"],
        row["operation"],
        row["method"],
        row["path"],
        json.loads(row["headers"]),
        row["body"],
    )
