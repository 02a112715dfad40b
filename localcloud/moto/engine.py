"""moto's services, made durable by a journal of the calls that change something.

moto keeps everything in memory. So each changing call is journalled before it is acknowledged,
with a number that seeds moto's random identifiers, and a start replays the journal, which gives
the same state with the same identifiers. Creation times, which moto takes from the clock, become
those of the start.
"""

from __future__ import annotations

import json
import logging
import secrets
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
from moto.sns.models import sns_backends

from localcloud.clock import Clock
from localcloud.errors import AwsError, unsupported
from localcloud.moto import compaction, dynamodb_patches, sns_patches
from localcloud.moto.journal import NOT_JOURNALLED, Journal, RawCall
from localcloud.moto.refusals import check_supported
from localcloud.service import CloudContext
from localcloud.wire.responses import WireResponse

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
"""By signing name of the services served here, the host that moto knows each by."""

_READ_PREFIXES = (
    "Get",
    "List",
    "Describe",
    "Query",
    "Scan",
    "BatchGet",
    "TransactGet",
    "Filter",
    "Head",
)
_INTERNAL_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request"
)
_DEFAULT_TOPIC_POLICY = "__default_policy_ID"
_log = logging.getLogger(__name__)


def _random_key_material() -> bytes:
    """Return a KMS key from the seeded generator; moto's own would not survive a restart."""
    return mock_random.randbytes(32)


kms_models.generate_master_key = _random_key_material  # type: ignore[attr-defined]
dynamodb_patches.install()
sns_patches.install()

_process_lock = threading.Lock()
"""moto has one state for the whole process, so one MotoEngine at a time may use it."""


class MotoEngine:
    """moto behind one lock and one journal. A process may have one open at a time."""

    def __init__(
        self, context: CloudContext, compact_above: int = 5000, clock: Clock = time.time
    ) -> None:
        """Open the journal and replay it.

        It is compacted if it has more than `compact_above` calls, and later each time it has
        doubled and compaction halves it. Raises RuntimeError while another engine is open.
        """
        if not _process_lock.acquire(blocking=False):
            raise RuntimeError("This process has a MotoEngine already; close it first.")
        self._context = context
        self._stubber = BotocoreStubber()
        self._lock = threading.Lock()
        self._clock = clock
        self._compact_above = compact_above
        self.send: sns_patches.Send | None = None
        """Takes what topics send; a replay sends nothing again."""
        try:
            self._journal = Journal(context.folder("moto") / "journal.sqlite3")
            if self._replay() > compact_above:
                self._compact()
            self._schedule_compaction()
        except BaseException:
            _process_lock.release()
            raise

    def close(self) -> None:
        """Close the journal."""
        self._journal.close()
        _process_lock.release()

    def handle(self, call: RawCall) -> WireResponse:
        """Answer `call`; if it changes something, only once the journal has it."""
        check_supported(call.service, call.operation, call.body)
        with self._lock, sns_patches.sending(self.send):
            if call.operation in NOT_JOURNALLED:
                mock_random.seed(secrets.randbits(64))  # its identifiers are not replayed
                return self._dispatch(call)
            if call.operation.startswith(_READ_PREFIXES):
                return self._dispatch(call)
            try:
                response = self._change(call)
            except _CallFailedError as failed:
                return failed.response
            except Exception:
                self._replay()  # moto may have done half of it
                raise
            self._journal_length += 1
            self._compact_if_halved()
            return response

    def role_policies(self, role_arn: str) -> list[tuple[str, str]]:
        """Return the names and texts of a role's inline policies; none if it does not exist."""
        with self._lock:
            roles = iam_backends[self._context.account_id]["aws"].roles
            found = next((role for role in roles.values() if role.arn == role_arn), None)
            return sorted(found.policies.items()) if found is not None else []

    def topic_policy(self, arn: str) -> str | None:
        """Return the policy that the topic `arn` was given, None if it has none of its own.

        The default policy lets in the topic's account alone, which needs no policy here.
        """
        topic = sns_backends[self._context.account_id][self._context.region].topics.get(arn)
        policy = "" if topic is None else str(topic.policy)
        return policy if policy and _DEFAULT_TOPIC_POLICY not in policy else None

    def hash_key(self, table: str) -> str | None:
        """Return the name of a table's partition key, None if there is no such table."""
        backend = dynamodb_backends[self._context.account_id][self._context.region]
        found = backend.tables.get(table)
        return None if found is None else str(found.hash_key_attr)

    def _change(self, call: RawCall) -> WireResponse:
        """Journal `call` and make it; a call that fails is not journalled."""
        with self._journal.entry(call) as seq:
            mock_random.seed(seq)
            response = self._dispatch(call)
            if response.status >= 300:
                raise _CallFailedError(response)
            return response

    def _dispatch(self, call: RawCall) -> WireResponse:
        host = HOSTS[call.service].format(region=self._context.region)
        headers = HTTPHeaders()
        for name, value in {**call.headers, "host": host}.items():
            headers[name] = value
        headers["x-moto-account-id"] = self._context.account_id
        request = AWSPreparedRequest(
            call.method, f"https://{host}{call.path}", headers, call.body, False
        )
        try:
            response = self._stubber.process_request(request)
        except NotImplementedError as error:
            raise unsupported(call.service, f"the operation {call.operation}") from error
        if response is None:
            raise AwsError("UnknownOperationException", f"Nothing answers {call.path}.", 404)
        status, response_headers, body = response
        raw = body.encode() if isinstance(body, str) else bytes(body or b"")
        kept = {
            str(name): str(value)
            for name, value in response_headers.items()
            if name.lower() != "content-length"
        }
        return WireResponse(int(status), kept, raw)

    def _replay(self) -> int:
        """Rebuild moto's state from the journal alone; return the number of its calls."""
        BackendDict.reset()
        calls = self._journal.calls()
        for seq, call in calls:
            mock_random.seed(seq)
            if self._dispatch(call).status >= 300:
                _log.error("%s of %s succeeded once and fails now", call.operation, call.service)
        return len(calls)

    def _compact_if_halved(self) -> None:
        """Compact a long journal if that halves it; acknowledged calls are kept either way."""
        if self._journal_length < self._compaction_due_at:
            return
        items = compaction.count_items(self._call_dynamodb)
        compacted_length = self._journal.length_without_item_writes() + items
        try:
            if compacted_length * 2 <= self._journal_length:
                self._compact()
        except sqlite3.Error:
            _log.exception("the journal could not be made shorter; it stays as it is")
        self._schedule_compaction()

    def _compact(self) -> None:
        """Replace all item writes by one put of each item that exists and has not expired."""
        contents = compaction.read_items(self._call_dynamodb, self._clock())
        self._journal.replace_item_writes(_dynamodb_call("PutItem", put) for put in contents.live)
        for deletion in contents.expired:
            self._call_dynamodb("DeleteItem", deletion)

    def _schedule_compaction(self) -> None:
        self._journal_length = self._journal.length()
        self._compaction_due_at = max(self._compact_above + 1, self._journal_length * 2)

    def _call_dynamodb(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        response = self._dispatch(_dynamodb_call(operation, params))
        result: Mapping[str, Any] = json.loads(
            response.body if isinstance(response.body, bytes) else b""
        )
        return result


class _CallFailedError(Exception):
    """Carries the response of a failed call out of the journal's transaction."""

    def __init__(self, response: WireResponse) -> None:
        super().__init__(response.status)
        self.response = response


def _dynamodb_call(operation: str, params: Mapping[str, Any]) -> RawCall:
    headers = {
        "x-amz-target": f"DynamoDB_20120810.{operation}",
        "content-type": "application/x-amz-json-1.0",
        "authorization": _INTERNAL_AUTHORIZATION,
    }
    return RawCall("dynamodb", operation, "POST", "/", headers, json.dumps(params).encode())
