"""moto's services, made durable by a journal of the calls that change something.

moto keeps everything in memory. So each changing call is journalled before it is acknowledged,
with a number that seeds moto's random identifiers, and a start replays the journal, which gives
the same state with the same identifiers. Creation times, which moto takes from the clock, become
those of the start.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.base_backend import BackendDict
from moto.core.botocore_stubber import BotocoreStubber
from moto.iam.models import iam_backends
from moto.kms import models as kms_models
from moto.moto_api._internal import mock_random
from moto.sns.models import sns_backends

from localcloud.errors import AwsError, unsupported
from localcloud.moto import sns_patches
from localcloud.moto.journal import NOT_JOURNALLED, Journal, RawCall
from localcloud.moto.refusals import check_supported
from localcloud.service import CloudContext
from localcloud.wire.responses import WireResponse

HOSTS: Mapping[str, str] = {
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

_READ_PREFIXES = ("Get", "List", "Describe", "BatchGet", "Filter", "Head")
_DEFAULT_TOPIC_POLICY = "__default_policy_ID"
_log = logging.getLogger(__name__)


def _random_key_material() -> bytes:
    """Return a KMS key from the seeded generator; moto's own would not survive a restart."""
    return mock_random.randbytes(32)


kms_models.generate_master_key = _random_key_material  # type: ignore[attr-defined]
sns_patches.install()

_process_lock = threading.Lock()
"""moto has one state for the whole process, so one MotoEngine at a time may use it."""


class MotoEngine:
    """moto behind one lock and one journal. A process may have one open at a time."""

    def __init__(self, context: CloudContext) -> None:
        """Open the journal and replay it. Raises RuntimeError while another engine is open."""
        if not _process_lock.acquire(blocking=False):
            raise RuntimeError("This process has a MotoEngine already; close it first.")
        self._context = context
        self._stubber = BotocoreStubber()
        self._lock = threading.Lock()
        self.send: sns_patches.Send | None = None
        """Takes what topics send; a replay sends nothing again."""
        try:
            self._journal = Journal(context.folder("moto") / "journal.sqlite3")
            self._replay()
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
                return self._change(call)
            except _CallFailedError as failed:
                return failed.response
            except Exception:
                self._replay()  # moto may have done half of it
                raise

    def role_policies(self, role_arn: str) -> list[tuple[str, str]]:
        """Return the names and texts of a role's inline policies; none if it does not exist."""
        with self._lock:
            roles = iam_backends[self._context.account_id]["aws"].roles
            found = next((role for role in roles.values() if role.arn == role_arn), None)
            return sorted(found.policies.items()) if found is not None else []

    def role_trust(self, role_arn: str) -> str | None:
        """Return the trust policy of a role, None if it does not exist."""
        with self._lock:
            roles = iam_backends[self._context.account_id]["aws"].roles
            found = next((role for role in roles.values() if role.arn == role_arn), None)
            return None if found is None else str(found.assume_role_policy_document)

    def topic_policy(self, arn: str) -> str | None:
        """Return the policy that the topic `arn` was given, None if it has none of its own.

        The default policy lets in the topic's account alone, which needs no policy here.
        """
        topic = sns_backends[self._context.account_id][self._context.region].topics.get(arn)
        policy = "" if topic is None else str(topic.policy)
        return policy if policy and _DEFAULT_TOPIC_POLICY not in policy else None

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

    def _replay(self) -> None:
        """Rebuild moto's state from the journal alone."""
        BackendDict.reset()
        for seq, call in self._journal.calls():
            mock_random.seed(seq)
            if self._dispatch(call).status >= 300:
                _log.error("%s of %s succeeded once and fails now", call.operation, call.service)


class _CallFailedError(Exception):
    """Carries the response of a failed call out of the journal's transaction."""

    def __init__(self, response: WireResponse) -> None:
        super().__init__(response.status)
        self.response = response
