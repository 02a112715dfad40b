"""The services that moto's engines answer, made durable by a journal.

moto keeps everything in memory. Each call that changes something is therefore written to a
journal before it is acknowledged, with a number that seeds moto's random identifiers; a start
replays the journal, which yields the same state with the same identifiers. Times of creation,
which moto takes from the clock, become those of the start.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.kms import models as kms_models
from moto.moto_api._internal import mock_random

from localcloud import motorefusals, mototransactions
from localcloud.errors import AwsError, unsupported
from localcloud.motojournal import Journal, RawCall
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
_LEAVES_NOTHING = frozenset({"Publish", "PublishBatch", "AssumeRole"})
_INTERNAL = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"
_log = logging.getLogger(__name__)


def _key_material() -> bytes:
    """Return a KMS key that the same seed yields again; moto's own would not survive a start."""
    return mock_random.randbytes(32)


kms_models.generate_master_key = _key_material  # type: ignore[attr-defined]
mototransactions.install()

_sole = threading.Lock()
"""moto keeps one state for the whole process, so one MotoCloud at a time may stand on it."""


class MotoCloud:
    """moto's engines behind one lock and one journal. A process may have one open at a time."""

    def __init__(self, surroundings: Surroundings, compact_above: int = 5000) -> None:
        """Open the journal and replay it; one longer than `compact_above` calls is shortened.

        Raises RuntimeError while another one is open.
        """
        if not _sole.acquire(blocking=False):
            raise RuntimeError("This process has a MotoCloud already; close it first.")
        self._surroundings = surroundings
        self._stubber = BotocoreStubber()
        self._lock = threading.Lock()
        try:
            self._journal = Journal(surroundings.folder("moto") / "journal.sqlite3")
            if self._replay() > compact_above:
                self._compact()
        except BaseException:
            _sole.release()
            raise

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()
        _sole.release()

    def handle(self, call: RawCall) -> Answer:
        """Answer `call`; when it changed something, only once the journal holds it."""
        refusal = motorefusals.refusal(call.service, call.operation, call.body)
        if refusal:
            raise refusal
        with self._lock:
            if call.operation.startswith(_READS) or call.operation in _LEAVES_NOTHING:
                return self._dispatch(call)
            try:
                return self._change(call)
            except _NotDone as failed:
                return failed.answer
            except Exception:
                self._replay()  # moto may have done half of it
                raise

    def _change(self, call: RawCall) -> Answer:
        """Write `call` into the journal and do it; what fails is in neither."""
        with self._journal.entry(call) as seq:
            mock_random.seed(seq)
            answer = self._dispatch(call)
            if answer.status >= 300:
                raise _NotDone(answer)
            return answer

    def _dispatch(self, call: RawCall) -> Answer:
        host = HOSTS[call.service].format(region=self._surroundings.region)
        headers = HTTPHeaders()
        for name, value in {**call.headers, "host": host}.items():
            headers[name] = value
        headers["x-moto-account-id"] = self._surroundings.account_id
        request = AWSPreparedRequest(
            call.method, f"https://{host}{call.path}", headers, call.body, False
        )
        try:
            answered = self._stubber.process_request(request)
        except NotImplementedError as error:
            raise unsupported(call.service, f"the operation {call.operation}") from error
        if answered is None:
            raise AwsError("UnknownOperationException", f"Nothing answers {call.path}.", 404)
        status, answer_headers, body = answered
        raw = body.encode() if isinstance(body, str) else bytes(body or b"")
        kept = {str(k): str(v) for k, v in answer_headers.items() if k.lower() != "content-length"}
        return Answer(int(status), kept, raw)

    def _replay(self) -> int:
        """Make moto's state from the journal alone; return how many calls that took."""
        BackendDict.reset()
        calls = self._journal.calls()
        for seq, call in calls:
            mock_random.seed(seq)
            if self._dispatch(call).status >= 300:
                _log.error("%s of %s, once done, fails now", call.operation, call.service)
        return len(calls)

    def _compact(self) -> None:
        """Replace every item write by one put of each item that is there now."""
        puts = [
            RawCall("dynamodb", "PutItem", "POST", "/", _dynamodb("PutItem"), body)
            for table in self._tables()
            for body in self._items(table)
        ]
        self._journal.replace_item_writes(puts)

    def _tables(self) -> Iterator[str]:
        start: dict[str, Any] = {}
        while True:
            page = self._read("ListTables", start)
            yield from page["TableNames"]
            if "LastEvaluatedTableName" not in page:
                return
            start = {"ExclusiveStartTableName": page["LastEvaluatedTableName"]}

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


class _NotDone(Exception):  # noqa: N818 - carries an answer out of a transaction
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _dynamodb(operation: str) -> dict[str, str]:
    return {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": _INTERNAL,
    }
