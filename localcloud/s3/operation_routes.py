"""Route a request to an operation; parameters that it does not support are refused with 501.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.errors import AwsError
from localcloud.s3.errors import not_implemented
from localcloud.s3.request import SIGNATURE_QUERY, S3Request, is_hoisted


@dataclass(frozen=True, slots=True)
class OperationRoute:
    """An operation with the query parameters and `x-amz-` headers that it accepts.

    `metadata` says whether `x-amz-meta-` headers are accepted too.
    """

    operation: str
    query: frozenset[str]
    headers: frozenset[str]
    metadata: bool = False


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ANY_HEADER = _words(
    "x-amz-date x-amz-content-sha256 x-amz-security-token x-amz-user-agent"
    " x-amz-expected-bucket-owner x-amz-te"
)
_BODY = _words(
    "x-amz-sdk-checksum-algorithm x-amz-trailer x-amz-decoded-content-length"
    " x-amz-checksum-crc32 x-amz-checksum-crc32c x-amz-checksum-crc64nvme x-amz-checksum-sha1"
    " x-amz-checksum-sha256 x-amz-checksum-sha512 x-amz-checksum-md5"
)
_OBJECT = _words("x-amz-acl x-amz-storage-class x-amz-server-side-encryption x-amz-tagging")
_SOURCE = _words(
    "x-amz-copy-source x-amz-copy-source-if-match x-amz-copy-source-if-none-match"
    " x-amz-copy-source-if-modified-since x-amz-copy-source-if-unmodified-since"
    " x-amz-source-expected-bucket-owner"
)
_OVERRIDES = (
    "response-content-type response-content-language response-expires response-cache-control"
    " response-content-disposition response-content-encoding"
)

_PLAIN = {
    "GET service": ("ListBuckets", "max-buckets continuation-token prefix bucket-region", ""),
    "HEAD bucket": ("HeadBucket", "", ""),
    "DELETE bucket": ("DeleteBucket", "", ""),
    "GET bucket": ("ListObjects", "prefix delimiter marker max-keys encoding-type", ""),
    "GET bucket list-type": (
        "ListObjectsV2",
        "prefix delimiter max-keys encoding-type continuation-token fetch-owner start-after",
        "",
    ),
    "GET bucket versions": (
        "ListObjectVersions",
        "prefix delimiter max-keys encoding-type key-marker version-id-marker",
        "",
    ),
    "GET bucket uploads": (
        "ListMultipartUploads",
        "prefix delimiter max-uploads encoding-type key-marker upload-id-marker",
        "",
    ),
    "GET bucket location": ("GetBucketLocation", "", ""),
    "GET object": ("GetObject", f"versionId partNumber {_OVERRIDES}", "x-amz-checksum-mode"),
    "HEAD object": ("HeadObject", f"versionId partNumber {_OVERRIDES}", "x-amz-checksum-mode"),
    "GET object attributes": (
        "GetObjectAttributes",
        "versionId",
        "x-amz-object-attributes x-amz-max-parts x-amz-part-number-marker",
    ),
    "GET object uploadId": ("ListParts", "max-parts part-number-marker encoding-type", ""),
    "GET object tagging": ("GetObjectTagging", "versionId", ""),
    "DELETE object": ("DeleteObject", "versionId", ""),
    "DELETE object uploadId": ("AbortMultipartUpload", "", ""),
    "DELETE object tagging": ("DeleteObjectTagging", "versionId", ""),
}
"""Operations without a body: `METHOD level sub-resource` to name, query and headers."""

_WITH_BODY = {
    "PUT bucket": ("CreateBucket", "", "x-amz-acl x-amz-object-ownership"),
    "POST bucket": ("PostObject", "", ""),
    "POST bucket delete": ("DeleteObjects", "", ""),
    "PUT object tagging": ("PutObjectTagging", "versionId", ""),
    "PUT object uploadId": ("UploadPart", "partNumber", ""),
    "POST object uploadId": (
        "CompleteMultipartUpload",
        "",
        "x-amz-checksum-type x-amz-mp-object-size",
    ),
}

_CONFIGURATIONS = {
    "versioning": ("BucketVersioning", "GET PUT"),
    "notification": ("BucketNotificationConfiguration", "GET PUT"),
    "tagging": ("BucketTagging", "GET PUT DELETE"),
    "cors": ("BucketCors", "GET PUT DELETE"),
    "lifecycle": ("BucketLifecycleConfiguration", "GET PUT DELETE"),
    "encryption": ("BucketEncryption", "GET PUT DELETE"),
    "policy": ("BucketPolicy", "GET PUT DELETE"),
    "publicAccessBlock": ("PublicAccessBlock", "GET PUT DELETE"),
    "ownershipControls": ("BucketOwnershipControls", "GET PUT DELETE"),
}

_CONFIGURATION_HEADERS = {
    "lifecycle": _words("x-amz-transition-default-minimum-object-size"),
    "notification": _words("x-amz-skip-destination-validation"),
}


def _table() -> dict[str, OperationRoute]:
    table: dict[str, OperationRoute] = {}
    for place, (operation, query, headers) in _PLAIN.items():
        table[place] = OperationRoute(operation, _words(query), _words(headers))
    for place, (operation, query, headers) in _WITH_BODY.items():
        table[place] = OperationRoute(operation, _words(query), _words(headers) | _BODY)
    for sub, (name, methods) in _CONFIGURATIONS.items():
        headers_taken = _CONFIGURATION_HEADERS.get(sub, frozenset()) | _BODY
        for method in methods.split():
            operation = f"{method.capitalize()}{name}"
            table[f"{method} bucket {sub}"] = OperationRoute(operation, frozenset(), headers_taken)
    checksum = _words("x-amz-checksum-algorithm x-amz-checksum-type")
    directives = _words("x-amz-metadata-directive x-amz-tagging-directive x-amz-checksum-algorithm")
    table |= {
        "PUT object": OperationRoute("PutObject", frozenset(), _OBJECT | _BODY, metadata=True),
        "PUT object copy": OperationRoute(
            "CopyObject", frozenset(), _OBJECT | _SOURCE | directives, True
        ),
        "PUT object uploadId copy": OperationRoute(
            "UploadPartCopy", _words("partNumber"), _SOURCE | {"x-amz-copy-source-range"}
        ),
        "POST object uploads": OperationRoute(
            "CreateMultipartUpload", frozenset(), _OBJECT | checksum, metadata=True
        ),
    }
    return table


_ROUTES = _table()
_SUBRESOURCES = frozenset(place.split()[2] for place in _ROUTES if len(place.split()) > 2)


def all_operations() -> frozenset[str]:
    """Return the names of all supported operations."""
    return frozenset(found.operation for found in _ROUTES.values())


def find_route(request: S3Request) -> OperationRoute:
    """Return the route of a request.

    Raises:
        AwsError: MethodNotAllowed, or NotImplemented for an unknown operation or for a query
            parameter or `x-amz-` header that the operation does not accept.
    """
    sub = next((name for name in request.query if name in _SUBRESOURCES), "")
    place = f"{request.method} {request.level} {sub}".strip()
    if "x-amz-copy-source" in request.headers and request.method == "PUT":
        place += " copy"
    found = _ROUTES.get(place)
    if found is None:
        raise _no_route(request, sub)
    _refuse_unknown_query(request, found, sub)
    _refuse_unknown_headers(request, found)
    return found


def _no_route(request: S3Request, sub: str) -> AwsError:
    target = f"{request.level} {sub}".strip()
    siblings = [found for place, found in _ROUTES.items() if place.partition(" ")[2] == target]
    for found in siblings:
        _refuse_unknown_query(request, found, sub)
    if siblings:
        return AwsError(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            405,
            Method=request.method,
        )
    return not_implemented(f"{request.method} of a {target}")


def _refuse_unknown_query(request: S3Request, found: OperationRoute, sub: str) -> None:
    for name in request.query:
        known = name in found.query or name in SIGNATURE_QUERY or name in (sub, "x-id")
        if not known and not is_hoisted(name):
            raise not_implemented(f"The query parameter {name} of {found.operation}")


def _refuse_unknown_headers(request: S3Request, found: OperationRoute) -> None:
    for name in request.headers:
        if not name.startswith("x-amz-") or name in _ANY_HEADER or name in found.headers:
            continue
        if name.startswith("x-amz-meta-") and found.metadata:
            continue
        raise AwsError(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented",
            501,
            Header=name,
        )
