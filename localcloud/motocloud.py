"""The services that moto's engines answer, made durable by a journal.

moto keeps everything in memory. Each call that changes something is therefore written to a
journal before it is acknowledged, with a number that seeds moto's random identifiers; a start
replays the journal, which yields the same state with the same identifiers. Times of creation,
which moto takes from the clock, become those of the start.
"""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
import time
from collections.abc import Mapping
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models import dynamodb_backends
from moto.iam.models import iam_backends
from moto.kms import models as kms_models
from moto.moto_api._internal import mock_random

from localcloud import (
    motoanswers,
    motocompaction,
    motoqueries,
    motorefusals,
    mototransactions,
)
from localcloud.clock import Clock
from localcloud.errors import AwsError, unsupported
from localcloud.motojournal import LEAVES_NOTHING, Journal, RawCall
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
_INTERNAL = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"
_log = logging.getLogger(__name__)


def _key_material() -> bytes:
    """Return a KMS key that the same seed yields again; moto's own would not survive a start."""
    return mock_random.randbytes(32)


kms_models.generate_master_key = _key_material  # type: ignore[attr-defined]
motoanswers.install()
motoqueries.install()
mototransactions.install()

_sole = threading.Lock()
"""moto keeps one state for the whole process, so one MotoCloud at a time may stand on it."""


class MotoCloud:
    """moto's engines behind one lock and one journal. A process may have one open at a time."""

    def __init__(
        self, surroundings: Surroundings, compact_above: int = 5000, clock: Clock = time.time
    ) -> None:
        """Open the journal and replay it; one longer than `compact_above` calls is shortened.

        So is one that has doubled since, if that halves it. Raises RuntimeError while another
        one is open.
        """
        if not _sole.acquire(blocking=False):
            raise RuntimeError("This process has a MotoCloud already; close it first.")
        self._surroundings = surroundings
        self._stubber = BotocoreStubber()
        self._lock = threading.Lock()
        self._clock = clock
        self._compact_above = compact_above
        try:
            self._journal = Journal(surroundings.folder("moto") / "journal.sqlite3")
            if self._replay() > compact_above:
                self._compact()
            self._look_again()
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
            if call.operation.startswith(_READS) or call.operation in LEAVES_NOTHING:
                return self._dispatch(call)
            try:
                answer = self._change(call)
            except _NotDone as failed:
                return failed.answer
            except Exception:
                self._replay()  # moto may have done half of it
                raise
            self._journal_length += 1
            self._shorten()
            return answer

    def role_policies(self, role_arn: str) -> list[tuple[str, str]]:
        """Return the inline policies of a role, name and text; a role that is not has none."""
        with self._lock:
            roles = iam_backends[self._surroundings.account_id]["aws"].roles
            found = next((role for role in roles.values() if role.arn == role_arn), None)
            return sorted(found.policies.items()) if found is not None else []

    def hash_key(self, table: str) -> str | None:
        """Return the name of a table's partition key; None where there is no such table."""
        backend = dynamodb_backends[self._surroundings.account_id][self._surroundings.region]
        found = backend.tables.get(table)
        return None if found is None else str(found.hash_key_attr)

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

    def _shorten(self) -> None:
        """Compact a long journal if that halves it; what was acknowledged is kept either way."""
        if self._journal_length < self._look_at:
            return
        shorter = self._journal.others() + motocompaction.item_count(self._ask)
        try:
            if shorter * 2 <= self._journal_length:
                self._compact()
        except sqlite3.Error:
            _log.exception("the journal could not be made shorter; it stays as it is")
        self._look_again()

    def _compact(self) -> None:
        """Replace every item write by one put of each item that is there now and not expired."""
        found = motocompaction.contents(self._ask, self._clock())
        self._journal.replace_item_writes(_dynamodb("PutItem", put) for put in found.kept)
        for removal in found.expired:
            self._ask("DeleteItem", removal)

    def _look_again(self) -> None:
        self._journal_length = self._journal.length()
        self._look_at = max(self._compact_above + 1, self._journal_length * 2)

    def _ask(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = self._dispatch(_dynamodb(operation, params))
        result: Mapping[str, Any] = json.loads(
            answer.body if isinstance(answer.body, bytes) else b""
        )
        return result


class _NotDone(Exception):  # noqa: N818 - carries an answer out of a transaction
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def _dynamodb(operation: str, params: Mapping[str, Any]) -> RawCall:
    headers = {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": _INTERNAL,
    }
    return RawCall("dynamodb", operation, "POST", "/", headers, json.dumps(params).encode())
