"""Put, get and delete the configurations of a bucket.

Versioning, notifications, CORS and the bucket policy take effect. Lifecycle,
encryption, public access block, ownership controls and tags are only stored and returned, so
that a template for AWS deploys here; nothing expires.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_hex

from localcloud.errors import AwsError
from localcloud.s3.bucket_notifications import (
    EVENTBRIDGE,
    KIND,
    BucketNotification,
    parse_notifications,
    restored,
    stored,
)
from localcloud.s3.cors import CorsRule, parse_rules
from localcloud.s3.errors import malformed_xml, unsupported_element
from localcloud.s3.operations.object_metadata import parse_tagging_document
from localcloud.s3.request import S3Request
from localcloud.s3.request_body.verified_body import read_document
from localcloud.s3.response import Operation, S3Response, xml_bytes_response, xml_response
from localcloud.s3.storage import transactions
from localcloud.s3.storage.store import S3Store
from localcloud.s3.xml_format import Node, child_text, parse_xml, to_node, xml_document

ValidateTarget = Callable[[BucketNotification, S3Request], None]
"""Tests that a target takes a bucket's events. Raises AwsError."""

_MISSING = {
    "BucketTagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "BucketCors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "BucketLifecycleConfiguration": (
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    "BucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "PublicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
    "BucketOwnershipControls": (
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    ),
}

_DEFAULT_ENCRYPTION = xml_document(
    "ServerSideEncryptionConfiguration",
    [
        (
            "Rule",
            [
                ("ApplyServerSideEncryptionByDefault", [("SSEAlgorithm", "AES256")]),
                ("BucketKeyEnabled", "false"),
            ],
        )
    ],
)
_LIFECYCLE_SIZE = "x-amz-transition-default-minimum-object-size"
_ORDINARY_SIZE = "all_storage_classes_128K"


class BucketConfigurationOperations:
    """The operations of S3 on the configurations of a bucket."""

    def __init__(self, store: S3Store, validate: ValidateTarget) -> None:
        self._store = store
        self._validate = validate

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        table: dict[str, Operation] = {
            "GetBucketVersioning": self.get_versioning,
            "PutBucketVersioning": self.put_versioning,
            "GetBucketNotificationConfiguration": self.get_notification,
            "PutBucketNotificationConfiguration": self.put_notification,
            "GetBucketEncryption": self.get_encryption,
            "DeleteBucketEncryption": partial(self._delete, "BucketEncryption"),
        }
        for kind, check in _CHECKS.items():
            table[f"Put{kind}"] = partial(self._put, kind, check)
        for kind in _MISSING:
            table[f"Get{kind}"] = partial(self._get, kind)
            table[f"Delete{kind}"] = partial(self._delete, kind)
        return table

    def cors_rules(self, bucket: str) -> list[CorsRule]:
        """Return the CORS rules of a bucket; empty if it has none."""
        text = self._store.catalogue.configuration(bucket, "BucketCors")
        return parse_rules(text.encode()) if text else []

    def get_versioning(self, request: S3Request) -> S3Response:
        """Return the versioning state; empty if it was never set."""
        state = self._store.catalogue.bucket(request.bucket).versioning
        return xml_response("VersioningConfiguration", [("Status", state)] if state else [])

    def put_versioning(self, request: S3Request) -> S3Response:
        """Enable or suspend versioning."""
        configuration = parse_xml(read_document(request), "VersioningConfiguration")
        if child_text(configuration, "MfaDelete") not in (None, "Disabled"):
            raise unsupported_element("MfaDelete")
        status = child_text(configuration, "Status")
        if status not in ("Enabled", "Suspended"):
            raise malformed_xml()
        self._update("UPDATE buckets SET versioning = ? WHERE name = ?", status, request.bucket)
        return S3Response()

    def get_notification(self, request: S3Request) -> S3Response:
        """Return where the bucket's events are sent."""
        bucket = self._store.catalogue.bucket(request.bucket)
        found = restored(self._store.catalogue.configuration(request.bucket, KIND))
        children: list[Node] = [each.node() for each in found]
        children += [(EVENTBRIDGE, "")] if bucket.eventbridge else []
        return xml_response("NotificationConfiguration", children)

    def put_notification(self, request: S3Request) -> S3Response:
        """Replace the targets of the bucket's events, each of which must take a test first."""
        enabled, targets = parse_notifications(read_document(request))
        self._store.catalogue.bucket(request.bucket)
        if request.headers.get("x-amz-skip-destination-validation", "").lower() != "true":
            for target in targets:
                self._validate(target, request)
        with self._store.database.transaction() as connection:
            transactions.require_bucket(connection, request.bucket)
            connection.execute(
                "UPDATE buckets SET eventbridge = ? WHERE name = ?", (enabled, request.bucket)
            )
            connection.execute(
                "INSERT OR REPLACE INTO configurations VALUES (?, ?, ?)",
                (request.bucket, KIND, stored(targets)),
            )
        return S3Response()

    def get_encryption(self, request: S3Request) -> S3Response:
        """Return the default encryption; AES256 if none was set."""
        self._store.catalogue.bucket(request.bucket)
        text = self._store.catalogue.configuration(request.bucket, "BucketEncryption")
        return xml_bytes_response(text.encode() if text else _DEFAULT_ENCRYPTION)

    def _put(self, kind: str, check: Callable[[bytes], bytes], request: S3Request) -> S3Response:
        text = check(read_document(request)).decode()
        size = request.headers.get(_LIFECYCLE_SIZE, _ORDINARY_SIZE)
        if size != _ORDINARY_SIZE:
            raise unsupported_element(_LIFECYCLE_SIZE)
        with self._store.database.transaction() as connection:
            transactions.require_bucket(connection, request.bucket)
            connection.execute(
                "INSERT OR REPLACE INTO configurations VALUES (?, ?, ?)",
                (request.bucket, kind, text),
            )
        if kind == "BucketLifecycleConfiguration":
            return S3Response(headers={_LIFECYCLE_SIZE: _ORDINARY_SIZE})
        return S3Response(204 if kind in ("BucketTagging", "BucketPolicy") else 200)

    def _get(self, kind: str, request: S3Request) -> S3Response:
        self._store.catalogue.bucket(request.bucket)
        text = self._store.catalogue.configuration(request.bucket, kind)
        if text is None:
            code, message = _MISSING[kind]
            raise AwsError(code, message, 404, BucketName=request.bucket)
        if kind == "BucketPolicy":
            return S3Response(headers={"Content-Type": "application/json"}, body=text.encode())
        if kind == "BucketLifecycleConfiguration":
            return xml_bytes_response(text.encode(), headers={_LIFECYCLE_SIZE: _ORDINARY_SIZE})
        return xml_bytes_response(text.encode())

    def _delete(self, kind: str, request: S3Request) -> S3Response:
        with self._store.database.transaction() as connection:
            transactions.require_bucket(connection, request.bucket)
            connection.execute(
                "DELETE FROM configurations WHERE bucket = ? AND kind = ?", (request.bucket, kind)
            )
        return S3Response(204)

    def _update(self, statement: str, value: object, bucket: str) -> None:
        with self._store.database.transaction() as connection:
            transactions.require_bucket(connection, bucket)
            connection.execute(statement, (value, bucket))


def _validate_tagging(body: bytes) -> bytes:
    parse_tagging_document(body, maximum=50)
    return body


def _validate_cors(body: bytes) -> bytes:
    parse_rules(body)
    return body


def _validate_policy(body: bytes) -> bytes:
    try:
        policy = json.loads(body)
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise AwsError("MalformedPolicy", "Policies must be valid JSON and have a Statement")
    return body


def _validate_lifecycle(body: bytes) -> bytes:
    """Return the configuration with an ID added to each rule without one, as AWS does."""
    configuration = parse_xml(body, "LifecycleConfiguration")
    rules = list(configuration)
    if not 0 < len(rules) <= 1000:
        raise malformed_xml()
    nodes: list[Node] = []
    for rule in rules:
        if rule.tag != "Rule" or child_text(rule, "Status") not in ("Enabled", "Disabled"):
            raise malformed_xml()
        children = [to_node(child) for child in rule]
        if rule.find("ID") is None:
            children.insert(0, ("ID", token_hex(16)))
        nodes.append(("Rule", children))
    return xml_document("LifecycleConfiguration", nodes)


def _validate_root(root: str, body: bytes) -> bytes:
    if not list(parse_xml(body, root)):
        raise malformed_xml()
    return body


_CHECKS: Mapping[str, Callable[[bytes], bytes]] = {
    "BucketTagging": _validate_tagging,
    "BucketCors": _validate_cors,
    "BucketPolicy": _validate_policy,
    "BucketLifecycleConfiguration": _validate_lifecycle,
    "BucketEncryption": partial(_validate_root, "ServerSideEncryptionConfiguration"),
    "PublicAccessBlock": partial(_validate_root, "PublicAccessBlockConfiguration"),
    "BucketOwnershipControls": partial(_validate_root, "OwnershipControls"),
}
