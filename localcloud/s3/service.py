"""S3 as a WSGI application: parse, authenticate, authorize, dispatch and respond."""

from __future__ import annotations

import hashlib
import logging
import secrets
import time
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.event_outbox import EventOutbox, Publish
from localcloud.iam.guard import AccessGuard
from localcloud.s3 import response
from localcloud.s3.addresses import refuse_wrong_region
from localcloud.s3.authorization import S3Authorizer
from localcloud.s3.cors import preflight_headers, response_headers
from localcloud.s3.errors import access_denied
from localcloud.s3.event_notifications import ChangeCause
from localcloud.s3.notification_targets import NotificationTargets
from localcloud.s3.operation_routes import find_route
from localcloud.s3.operations.bucket_configurations import BucketConfigurationOperations
from localcloud.s3.operations.buckets import S3BucketOperations
from localcloud.s3.operations.form_uploads import PostObjectOperations
from localcloud.s3.operations.listings import ListOperations
from localcloud.s3.operations.multipart_uploads import MultipartUploadOperations
from localcloud.s3.operations.object_copies import CopyOperations
from localcloud.s3.operations.object_reads import ObjectReadOperations
from localcloud.s3.operations.object_writes import ObjectWriteOperations
from localcloud.s3.request import S3Request, parse_request
from localcloud.s3.response import Operation, S3Response
from localcloud.s3.signatures import Authenticator, SecretFor
from localcloud.s3.storage.store import S3Store
from localcloud.s3.xml_format import Node
from localcloud.service import (
    CallInterceptor,
    CloudContext,
    Deliverer,
    ServiceCall,
    call_through,
)
from localcloud.storage_errors import storage_failure
from localcloud.wsgi import StartResponse

_log = logging.getLogger(__name__)


def local_secret(access_key: str) -> str | None:
    """Return the secret of the account's own access key, or None for any other key."""
    return "test" if access_key == "test" else None


class S3Service:
    """S3 on files and SQLite.

    `publish(event)` publishes an EventBridge event and returns once it is durable.
    `targets` deliver notifications to queues, functions and topics, by their service.
    `secret_for` gives the secrets that verify presigned URLs and forms, unless `guard` has them;
    `interceptor` runs around every call; `clock` returns the time in seconds.
    """

    name = "s3"

    def __init__(
        self,
        context: CloudContext,
        publish: Publish,
        *,
        secret_for: SecretFor = local_secret,
        guard: AccessGuard | None = None,
        targets: Mapping[str, Deliverer] | None = None,
        interceptor: CallInterceptor = call_through,
        clock: Clock = time.time,
    ) -> None:
        """Open the buckets under the data directory."""
        self._account = context.account_id
        self._region = context.region
        self._store = S3Store(context.folder("s3"), clock, self._wake, context.region)
        self._targets = NotificationTargets({} if targets is None else targets, publish, clock)
        self._outbox = EventOutbox(self._store.database, self._targets.publish, "s3")
        secrets_of = secret_for if guard is None else guard.secret_for
        self._authenticator = Authenticator(secrets_of, context.region, clock)
        self._authorizer = S3Authorizer(guard)
        self._intercept = interceptor
        self._host_id = hashlib.sha256(context.endpoint_url.encode()).hexdigest()[:32]
        owner: list[Node] = [("ID", hashlib.sha256(self._account.encode()).hexdigest())]
        self._configurations = BucketConfigurationOperations(self._store, self._targets.validate)
        groups = (
            S3BucketOperations(self._store, context.region, owner),
            self._configurations,
            ObjectReadOperations(self._store),
            ObjectWriteOperations(self._store, self._new_cause, self._authorizer),
            CopyOperations(self._store, self._new_cause),
            MultipartUploadOperations(self._store, self._new_cause),
            ListOperations(self._store, owner),
            PostObjectOperations(
                self._store, self._authenticator, self._new_cause, self._authorizer
            ),
        )
        self._calls: dict[str, Operation] = {
            name: call for group in groups for name, call in group.operations().items()
        }

    def start(self) -> None:
        """Start to publish events, first those that an earlier process left."""
        self._outbox.start()

    def stop(self) -> None:
        """Stop publishing events and close the database."""
        self._outbox.stop()
        self._store.database.close()

    def policy_of(self, arn: str) -> str | None:
        """Return the bucket policy for the ARN of a bucket or of an object, or None."""
        bucket = arn.split(":", 5)[5].partition("/")[0]
        return self._store.catalogue.configuration(bucket, "BucketPolicy")

    def pending_events(self) -> int:
        """Return how many events wait to be published."""
        return self._outbox.pending()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request_id = secrets.token_hex(8).upper()
        result, headers = self._handle(environ, request_id)
        headers |= {"x-amz-request-id": request_id, "x-amz-id-2": self._host_id}
        headers |= result.headers
        if isinstance(result.body, bytes) and result.status not in (204, 304):
            headers.setdefault("Content-Length", str(len(result.body)))
        status = HTTPStatus(result.status)
        start_response(
            f"{status.value} {status.phrase}",
            [(name, _header_value(value)) for name, value in headers.items()],
        )
        if not isinstance(result.body, bytes):
            return result.body
        return [] if environ["REQUEST_METHOD"] == "HEAD" or not result.body else [result.body]

    def _handle(
        self, environ: dict[str, Any], request_id: str
    ) -> tuple[S3Response, dict[str, str]]:
        """Return the response and its CORS headers."""
        cors: dict[str, str] = {}
        resource = environ.get("PATH_INFO", "/")
        request = None
        try:
            request = parse_request(environ, request_id)
            resource = request.path
            cors = self._cors_headers(request)
            return self._answer(request), cors
        except AwsError as error:
            return response.error_response(error, request_id, self._host_id, resource), cors
        except Exception as error:  # noqa: BLE001 - a bug must answer as AWS's faults do, be seen
            _log.exception("%s %s failed", environ["REQUEST_METHOD"], resource)
            fault = storage_failure(error) or AwsError(
                "InternalError", "We encountered an internal error. Please try again.", 500
            )
            return response.error_response(fault, request_id, self._host_id, resource), cors
        finally:
            if request is not None:
                request.stream.drain()

    def _answer(self, request: S3Request) -> S3Response:
        if request.method == "OPTIONS":
            rules = self._configurations.cors_rules(request.bucket)
            return S3Response(200, preflight_headers(rules, request.headers))
        found = find_route(request)
        self._check_region(request)
        if found.operation != "PostObject":
            access_key = self._authenticator.authenticate(request)
            request = self._authorizer.authorize(request, found.operation, access_key)
        for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
            if request.headers.get(name, self._account) != self._account:
                raise access_denied()
        try:
            answered = self._intercept(
                ServiceCall("s3", found.operation, {}),
                lambda: self._calls[found.operation](request),
            )
        except AwsError as error:
            self._authorizer.hide_missing_object(request, found.operation, error)
            raise
        self._authorizer.invalidate(found.operation)
        return answered

    def _check_region(self, request: S3Request) -> None:
        """Raise if an existing bucket is addressed by a host of another region than its own."""
        if request.address.region is not None and request.bucket:
            if not self._store.catalogue.exists(request.bucket):
                return
            refuse_wrong_region(
                request.address, self._region, request.bucket, request.key, request.query_string
            )

    def _cors_headers(self, request: S3Request) -> dict[str, str]:
        if "origin" not in request.headers or request.method == "OPTIONS":
            return {}
        rules = self._configurations.cors_rules(request.bucket)
        return response_headers(rules, request.headers, request.method)

    def _new_cause(self, request: S3Request, reason: str) -> ChangeCause:
        return ChangeCause(reason, request.request_id, self._account, request.source_ip)

    def _wake(self) -> None:
        self._outbox.wake()


def _header_value(text: str) -> str:
    """Return a header's value as WSGI requires: Latin-1 characters on one line."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        text = text.encode().decode("latin-1")
    return "".join(" " if ord(character) < 32 else character for character in text)
