"""Configurations of a bucket. Versioning, EventBridge, CORS and the policy change what S3 does.

Lifecycle, encryption, public access block, ownership controls and tags are stored and returned, so
that what deploys to AWS runs here; nothing expires.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from secrets import token_hex

from localcloud.errors import AwsError
from localcloud.s3 import changes
from localcloud.s3.answer import Answer, xml, xml_bytes
from localcloud.s3.bucketcalls import Call
from localcloud.s3.cors import CorsRule, parse_rules
from localcloud.s3.describing import parse_tagging
from localcloud.s3.markup import (
    Node,
    as_node,
    child_text,
    document,
    malformed_xml,
    parse,
    unsupported_element,
)
from localcloud.s3.receiving import read_document
from localcloud.s3.request import S3Request
from localcloud.s3.store import Store

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

_DEFAULT_ENCRYPTION = document(
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


class ConfigurationCalls:
    """Put, get and delete the configurations of a bucket."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def calls(self) -> Mapping[str, Call]:
        """Return the operations by name."""
        table: dict[str, Call] = {
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
        """Return the cross-origin rules of a bucket, none where there are none."""
        text = self._store.catalogue.configuration(bucket, "BucketCors")
        return parse_rules(text.encode()) if text else []

    def get_versioning(self, request: S3Request) -> Answer:
        """Return the versioning state, empty where it was never set."""
        state = self._store.catalogue.bucket(request.bucket).versioning
        return xml("VersioningConfiguration", [("Status", state)] if state else [])

    def put_versioning(self, request: S3Request) -> Answer:
        """Enable or suspend versioning."""
        configuration = parse(read_document(request), "VersioningConfiguration")
        if child_text(configuration, "MfaDelete") not in (None, "Disabled"):
            raise unsupported_element("MfaDelete")
        status = child_text(configuration, "Status")
        if status not in ("Enabled", "Suspended"):
            raise malformed_xml()
        self._update("UPDATE buckets SET versioning = ? WHERE name = ?", status, request.bucket)
        return Answer()

    def get_notification(self, request: S3Request) -> Answer:
        """Say whether events go to EventBridge."""
        bucket = self._store.catalogue.bucket(request.bucket)
        children: list[Node] = [("EventBridgeConfiguration", "")] if bucket.eventbridge else []
        return xml("NotificationConfiguration", children)

    def put_notification(self, request: S3Request) -> Answer:
        """Switch EventBridge on or off; other destinations are refused."""
        configuration = parse(read_document(request), "NotificationConfiguration")
        for child in configuration:
            if child.tag != "EventBridgeConfiguration":
                raise unsupported_element(child.tag)
        enabled = configuration.find("EventBridgeConfiguration") is not None
        self._update("UPDATE buckets SET eventbridge = ? WHERE name = ?", enabled, request.bucket)
        return Answer()

    def get_encryption(self, request: S3Request) -> Answer:
        """Return the default encryption, which is AES256 where none was set."""
        self._store.catalogue.bucket(request.bucket)
        text = self._store.catalogue.configuration(request.bucket, "BucketEncryption")
        return xml_bytes(text.encode() if text else _DEFAULT_ENCRYPTION)

    def _put(self, kind: str, check: Callable[[bytes], bytes], request: S3Request) -> Answer:
        text = check(read_document(request)).decode()
        size = request.headers.get(_LIFECYCLE_SIZE, _ORDINARY_SIZE)
        if size != _ORDINARY_SIZE:
            raise unsupported_element(_LIFECYCLE_SIZE)
        with self._store.database.transaction() as connection:
            changes.bucket_in(connection, request.bucket)
            connection.execute(
                "INSERT OR REPLACE INTO configurations VALUES (?, ?, ?)",
                (request.bucket, kind, text),
            )
        if kind == "BucketLifecycleConfiguration":
            return Answer(headers={_LIFECYCLE_SIZE: _ORDINARY_SIZE})
        return Answer(204 if kind in ("BucketTagging", "BucketPolicy") else 200)

    def _get(self, kind: str, request: S3Request) -> Answer:
        self._store.catalogue.bucket(request.bucket)
        text = self._store.catalogue.configuration(request.bucket, kind)
        if text is None:
            code, message = _MISSING[kind]
            raise AwsError(code, message, 404, BucketName=request.bucket)
        if kind == "BucketPolicy":
            return Answer(headers={"Content-Type": "application/json"}, body=text.encode())
        if kind == "BucketLifecycleConfiguration":
            return xml_bytes(text.encode(), headers={_LIFECYCLE_SIZE: _ORDINARY_SIZE})
        return xml_bytes(text.encode())

    def _delete(self, kind: str, request: S3Request) -> Answer:
        with self._store.database.transaction() as connection:
            changes.bucket_in(connection, request.bucket)
            connection.execute(
                "DELETE FROM configurations WHERE bucket = ? AND kind = ?", (request.bucket, kind)
            )
        return Answer(204)

    def _update(self, statement: str, value: object, bucket: str) -> None:
        with self._store.database.transaction() as connection:
            changes.bucket_in(connection, bucket)
            connection.execute(statement, (value, bucket))


def _checked_tagging(body: bytes) -> bytes:
    parse_tagging(body, most=50)
    return body


def _checked_cors(body: bytes) -> bytes:
    parse_rules(body)
    return body


def _checked_policy(body: bytes) -> bytes:
    try:
        policy = json.loads(body)
    except ValueError:
        policy = None
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise AwsError("MalformedPolicy", "Policies must be valid JSON and have a Statement")
    return body


def _checked_lifecycle(body: bytes) -> bytes:
    """Return the configuration with an ID in each rule, as AWS returns it."""
    configuration = parse(body, "LifecycleConfiguration")
    rules = list(configuration)
    if not 0 < len(rules) <= 1000:
        raise malformed_xml()
    nodes: list[Node] = []
    for rule in rules:
        if rule.tag != "Rule" or child_text(rule, "Status") not in ("Enabled", "Disabled"):
            raise malformed_xml()
        children = [as_node(child) for child in rule]
        if rule.find("ID") is None:
            children.insert(0, ("ID", token_hex(16)))
        nodes.append(("Rule", children))
    return document("LifecycleConfiguration", nodes)


def _checked_root(root: str, body: bytes) -> bytes:
    if not list(parse(body, root)):
        raise malformed_xml()
    return body


_CHECKS: Mapping[str, Callable[[bytes], bytes]] = {
    "BucketTagging": _checked_tagging,
    "BucketCors": _checked_cors,
    "BucketPolicy": _checked_policy,
    "BucketLifecycleConfiguration": _checked_lifecycle,
    "BucketEncryption": partial(_checked_root, "ServerSideEncryptionConfiguration"),
    "PublicAccessBlock": partial(_checked_root, "PublicAccessBlockConfiguration"),
    "BucketOwnershipControls": partial(_checked_root, "OwnershipControls"),
}
