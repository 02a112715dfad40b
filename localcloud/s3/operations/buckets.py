"""Create, list, find and delete buckets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from localcloud.errors import AwsError
from localcloud.s3.errors import malformed_xml, not_implemented, unsupported_element
from localcloud.s3.request import S3Request
from localcloud.s3.request_body.verified_body import read_document
from localcloud.s3.response import Operation, S3Response, xml_bytes_response, xml_response
from localcloud.s3.storage import transactions
from localcloud.s3.storage.records import BucketRecord, MultipartUploadRecord
from localcloud.s3.storage.store import S3Store
from localcloud.s3.xml_format import Node, child_text, parse_xml, timestamp, xml_text_document

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class S3BucketOperations:
    """The operations of S3 on buckets."""

    def __init__(self, store: S3Store, region: str, owner: list[Node]) -> None:
        self._store = store
        self._region = region
        self._owner = owner

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {
            "ListBuckets": self.list_buckets,
            "CreateBucket": self.create_bucket,
            "HeadBucket": self.head_bucket,
            "DeleteBucket": self.delete_bucket,
            "GetBucketLocation": self.get_bucket_location,
        }

    def list_buckets(self, request: S3Request) -> S3Response:
        """Return the buckets in order of their names, in pages if `max-buckets` is given."""
        prefix = request.query.get("prefix", "")
        after = request.query.get("continuation-token", "")
        limit = request.int_parameter("max-buckets", 10_000, maximum=10_000)
        wanted = request.query.get("bucket-region", self._region) == self._region
        found = [
            bucket
            for bucket in self._store.catalogue.buckets()
            if wanted and bucket.name.startswith(prefix) and bucket.name > after
        ]
        page = found[:limit]
        children: list[Node] = [
            ("Owner", self._owner),
            ("Buckets", [("Bucket", self._bucket_nodes(bucket)) for bucket in page]),
        ]
        if page and len(found) > len(page):
            children.append(("ContinuationToken", page[-1].name))
        if prefix:
            children.append(("Prefix", prefix))
        return xml_response("ListAllMyBucketsResult", children)

    def create_bucket(self, request: S3Request) -> S3Response:
        """Create a bucket; in us-east-1, creating an own bucket again succeeds."""
        _check_name(request.bucket)
        self._check_location(read_document(request))
        if request.headers.get("x-amz-object-ownership", "BucketOwnerEnforced") != (
            "BucketOwnerEnforced"
        ):
            raise not_implemented("Object ownership other than BucketOwnerEnforced")
        if request.headers.get("x-amz-acl", "private") != "private":
            raise AwsError(
                "InvalidBucketAclWithObjectOwnership",
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
            )
        with self._store.database.transaction() as connection:
            made = connection.execute(
                "INSERT OR IGNORE INTO buckets VALUES (?, ?, '', 0)",
                (request.bucket, self._store.now()),
            ).rowcount
        if not made and self._region != "us-east-1":
            raise AwsError(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already "
                "own it.",
                409,
                BucketName=request.bucket,
            )
        return S3Response(headers={"Location": f"/{request.bucket}"})

    def head_bucket(self, request: S3Request) -> S3Response:
        """Return the region of an existing bucket."""
        self._store.catalogue.bucket(request.bucket)
        return S3Response(
            headers={"x-amz-bucket-region": self._region, "x-amz-access-point-alias": "false"}
        )

    def delete_bucket(self, request: S3Request) -> S3Response:
        """Delete an empty bucket and its unfinished multipart uploads."""
        freed: set[str] = set()
        with self._store.database.transaction() as connection:
            bucket = transactions.require_bucket(connection, request.bucket)
            if connection.execute(
                "SELECT 1 FROM versions WHERE bucket = ? LIMIT 1", (bucket.name,)
            ).fetchone():
                raise AwsError(
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty",
                    409,
                    BucketName=bucket.name,
                )
            for row in connection.execute(
                "SELECT * FROM uploads WHERE bucket = ?", (bucket.name,)
            ).fetchall():
                freed |= transactions.remove_upload(connection, MultipartUploadRecord.from_row(row))
            connection.execute("DELETE FROM buckets WHERE name = ?", (bucket.name,))
        self._store.drop_unused(freed)
        return S3Response(204)

    def get_bucket_location(self, request: S3Request) -> S3Response:
        """Return the region; us-east-1 is written as an empty element."""
        self._store.catalogue.bucket(request.bucket)
        region = "" if self._region == "us-east-1" else self._region
        return xml_bytes_response(xml_text_document("LocationConstraint", region))

    def _bucket_nodes(self, bucket: BucketRecord) -> list[Node]:
        return [
            ("Name", bucket.name),
            ("CreationDate", timestamp(bucket.created)),
            ("BucketRegion", self._region),
            ("BucketArn", f"arn:aws:s3:::{bucket.name}"),
        ]

    def _check_location(self, body: bytes) -> None:
        if not body:
            location = None
        else:
            configuration = parse_xml(body, "CreateBucketConfiguration")
            for child in configuration:
                if child.tag != "LocationConstraint":
                    raise unsupported_element(child.tag)
            location = child_text(configuration, "LocationConstraint")
            if location == "":
                raise malformed_xml()
        expected = None if self._region == "us-east-1" else self._region
        if location == "us-east-1":
            raise AwsError(
                "InvalidLocationConstraint", "The specified location-constraint is not valid"
            )
        if location != expected:
            raise AwsError(
                "IllegalLocationConstraintException",
                f"The {location or 'unspecified'} location constraint is incompatible for the "
                "region specific endpoint this request was sent to.",
            )


def _check_name(name: str) -> None:
    bad = not _NAME.fullmatch(name) or ".." in name or name.startswith(("xn--", "sthree-"))
    if bad or name.endswith(("-s3alias", "--ol-s3")) or _is_address(name):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", BucketName=name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True
