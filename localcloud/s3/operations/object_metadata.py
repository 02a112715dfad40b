"""Metadata of objects in requests and responses: headers, user metadata, tags, checksums.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from localcloud.errors import AwsError
from localcloud.s3.errors import malformed_xml
from localcloud.s3.request import S3Request
from localcloud.s3.request_body.verified_body import content_codings
from localcloud.s3.storage.records import ObjectChecksum, ObjectMetadata
from localcloud.s3.xml_format import Node, child_text, parse_xml

_CONTENT_HEADERS = (
    "Content-Type",
    "Cache-Control",
    "Content-Disposition",
    "Content-Language",
    "Expires",
)
_STORAGE_CLASSES = frozenset(
    {"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "REDUCED_REDUNDANCY"}
)
_OWNER_ACLS = frozenset({"private", "bucket-owner-full-control"})
_MAX_METADATA = 2048


def parse_object_metadata(
    headers: Mapping[str, str], metadata: Mapping[str, str], checksum: ObjectChecksum | None = None
) -> ObjectMetadata:
    """Return the metadata that the headers of a write give.

    Raises:
        AwsError: for an unsupported header value, or more than 2 KiB of user metadata.
    """
    check_supported_headers(headers)
    size = sum(len(name) + len(value) for name, value in metadata.items())
    if size > _MAX_METADATA:
        raise AwsError(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            Size=size,
            MaxSizeAllowed=_MAX_METADATA,
        )
    kept = {name: headers[name.lower()] for name in _CONTENT_HEADERS if headers.get(name.lower())}
    kept.setdefault("Content-Type", "binary/octet-stream")
    codings = [coding for coding in content_codings(headers) if coding != "aws-chunked"]
    if codings:
        kept["Content-Encoding"] = ",".join(codings)
    return ObjectMetadata(
        kept, dict(metadata), headers.get("x-amz-storage-class", "STANDARD"), checksum
    )


def check_supported_headers(headers: Mapping[str, str]) -> None:
    """Raise for a storage class, ACL or encryption that the local cloud does not support."""
    storage_class = headers.get("x-amz-storage-class", "STANDARD")
    if storage_class not in _STORAGE_CLASSES:
        raise AwsError("InvalidStorageClass", "The storage class you specified is not valid", 400)
    if headers.get("x-amz-acl", "private") not in _OWNER_ACLS:
        raise AwsError("AccessControlListNotSupported", "The bucket does not allow ACLs")
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    if encryption != "AES256":
        raise AwsError(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            501,
            Header="x-amz-server-side-encryption",
        )


def parse_tagging_header(request: S3Request) -> dict[str, str]:
    """Return the tags of an `x-amz-tagging` header, which is a URL query string."""
    header = request.headers.get("x-amz-tagging", "")
    pairs = parse_qsl(header, keep_blank_values=True)
    return validate_tags(pairs, maximum=10)


def parse_tagging_document(body: bytes, *, maximum: int) -> dict[str, str]:
    """Return the tags of a `Tagging` document, at most `maximum`."""
    sets = list(parse_xml(body, "Tagging"))
    if len(sets) != 1 or sets[0].tag != "TagSet":
        raise malformed_xml()
    pairs = []
    for tag in sets[0]:
        key, value = child_text(tag, "Key"), child_text(tag, "Value")
        if tag.tag != "Tag" or key is None or value is None:
            raise malformed_xml()
        pairs.append((key, value))
    return validate_tags(pairs, maximum=maximum)


def validate_tags(pairs: Sequence[tuple[str, str]], *, maximum: int) -> dict[str, str]:
    """Return the tags as a dictionary; raise if they break S3's limits."""
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise AwsError("InvalidTag", "Cannot provide multiple Tags with the same key")
    if len(tags) > maximum:
        raise AwsError("BadRequest", f"Object tags cannot be greater than {maximum}")
    for key, value in tags.items():
        if not 0 < len(key) <= 128 or key.startswith("aws:"):
            raise AwsError("InvalidTag", "The TagKey you have provided is invalid", TagKey=key)
        if len(value) > 256:
            raise AwsError(
                "InvalidTag", "The TagValue you have provided is invalid", TagValue=value
            )
    return tags


def tag_nodes(tags: Mapping[str, str]) -> list[Node]:
    """Return the children of a `Tagging` document."""
    return [("TagSet", [("Tag", [("Key", k), ("Value", v)]) for k, v in tags.items()])]


def metadata_headers(details: ObjectMetadata, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the response headers for the metadata of an object."""
    headers = dict(details.headers)
    headers |= {f"x-amz-meta-{name}": value for name, value in details.metadata.items()}
    headers["x-amz-server-side-encryption"] = "AES256"
    if details.storage_class != "STANDARD":
        headers["x-amz-storage-class"] = details.storage_class
    if tags:
        headers["x-amz-tagging-count"] = str(len(tags))
    return headers


def checksum_headers(checksum: ObjectChecksum | None) -> dict[str, str]:
    """Return the response headers for a checksum."""
    if checksum is None:
        return {}
    return {
        f"x-amz-checksum-{checksum.algorithm.lower()}": checksum.value,
        "x-amz-checksum-type": checksum.kind,
    }


def checksum_nodes(checksum: ObjectChecksum | None) -> list[Node]:
    """Return the XML elements for a checksum."""
    if checksum is None:
        return []
    return [(f"Checksum{checksum.algorithm}", checksum.value), ("ChecksumType", checksum.kind)]
