"""PostObject: uploads from a browser's form with a signed policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from localcloud.errors import AwsError
from localcloud.s3.authorization import S3Authorizer
from localcloud.s3.errors import access_denied, bad_digest
from localcloud.s3.operations.object_metadata import parse_object_metadata, parse_tagging_document
from localcloud.s3.operations.object_writes import (
    CauseFactory,
    commit_version,
    new_version,
    version_headers,
)
from localcloud.s3.request import MAX_KEY_BYTES, S3Request
from localcloud.s3.request_body.checksums import ALGORITHMS
from localcloud.s3.request_body.post_policy import ContentLengthRange, PostPolicy
from localcloud.s3.request_body.upload_form import FormFile, UploadForm, read_form
from localcloud.s3.request_body.verified_body import (
    DEFAULT_ALGORITHM,
    MAX_UPLOAD_BYTES,
    BodyDigests,
    StoredBody,
    unframed_body,
)
from localcloud.s3.response import Operation, S3Response, xml_response
from localcloud.s3.signatures import Authenticator
from localcloud.s3.storage.blobs import CHUNK_BYTES
from localcloud.s3.storage.conditions import ConditionalWrite
from localcloud.s3.storage.records import ObjectVersion
from localcloud.s3.storage.store import S3Store
from localcloud.s3.xml_format import quote_etag

_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"}
)
_SUPPORTED = frozenset({"x-amz-storage-class", "x-amz-server-side-encryption"})


class PostObjectOperations:
    """PostObject: stores the file of an upload form."""

    def __init__(
        self,
        store: S3Store,
        authenticator: Authenticator,
        new_cause: CauseFactory,
        authorizer: S3Authorizer,
    ) -> None:
        self._authorizer = authorizer
        self._store = store
        self._authenticator = authenticator
        self._new_cause = new_cause

    def operations(self) -> Mapping[str, Operation]:
        """Return the methods by the names of their operations."""
        return {"PostObject": self.post_object}

    def post_object(self, request: S3Request) -> S3Response:
        """Store the file of a form if its policy allows it."""
        bucket = self._store.catalogue.bucket(request.bucket)
        form = read_form(unframed_body(request), request.headers.get("content-type", ""))
        assert form.file is not None, "read_form returns at the file"
        fields = form.fields
        key = fields["key"] = _key(form)
        policy = self._validate_policy(fields, request.bucket)
        _refuse_unsupported(fields)
        acl = {"x-amz-acl": fields["acl"]} if "acl" in fields else {}
        user_metadata = {
            name.removeprefix("x-amz-meta-"): value
            for name, value in fields.items()
            if name.startswith("x-amz-meta-")
        }
        metadata = parse_object_metadata({**fields, **acl}, user_metadata)
        tags = (
            parse_tagging_document(fields["tagging"].encode(), maximum=10)
            if "tagging" in fields
            else {}
        )
        received = self._receive(
            form.file, policy.size or ContentLengthRange(0, MAX_UPLOAD_BYTES), fields
        )
        draft = new_version(request.bucket, key, received, metadata, tags)
        cause = self._new_cause(request, "POST Object")
        version = commit_version(self._store, draft, ConditionalWrite(), cause)
        return _answer(request, fields, version, versioned=bool(bucket.versioning))

    def _validate_policy(self, fields: Mapping[str, str], bucket: str) -> PostPolicy:
        if "policy" not in fields:
            raise access_denied()
        access_key = self._authenticator.check_form(fields)
        policy = PostPolicy.decode(fields["policy"])
        policy.check(fields, bucket, self._authenticator.clock())
        self._authorizer.check_form(bucket, fields, access_key)
        return policy

    def _receive(
        self, file: FormFile, limit: ContentLengthRange, fields: Mapping[str, str]
    ) -> StoredBody:
        algorithm = _declared_algorithm(fields) or DEFAULT_ALGORITHM
        digests = BodyDigests([algorithm])
        with self._store.blobs.new_blob() as incoming:
            while chunk := file.read(CHUNK_BYTES):
                limit.check_maximum(incoming.size + len(chunk))
                digests.update(chunk)
                incoming.write(chunk)
            limit.check_size(incoming.size)
            declared = fields.get(f"x-amz-checksum-{algorithm.lower()}")
            if declared is not None and declared != digests.base64(algorithm):
                raise bad_digest(algorithm)
            extent = incoming.commit()
        return StoredBody(extent, digests.md5(), algorithm, digests.base64(algorithm))


def _key(form: UploadForm) -> str:
    key = form.fields.get("key", "").replace("${filename}", form.filename)
    if not key:
        raise AwsError(
            "InvalidArgument",
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the"
            " order of the fields.",
            ArgumentName="key",
        )
    if len(key.encode()) > MAX_KEY_BYTES:
        raise AwsError("KeyTooLongError", "Your key is too long", MaxSizeAllowed=MAX_KEY_BYTES)
    return key


def _refuse_unsupported(fields: Mapping[str, str]) -> None:
    for name in fields:
        known = name in _SIGNATURE or name in _SUPPORTED or _checksum_name(name) is not None
        if name.startswith("x-amz-") and not known and not name.startswith("x-amz-meta-"):
            raise AwsError(
                "NotImplemented",
                "A form field you provided implies functionality that is not implemented",
                501,
                Field=name,
            )


def _checksum_name(field: str) -> str | None:
    name = field.removeprefix("x-amz-checksum-").upper()
    return name if field.startswith("x-amz-checksum-") and name in ALGORITHMS else None


def _declared_algorithm(fields: Mapping[str, str]) -> str | None:
    return next((name for field in fields if (name := _checksum_name(field))), None)


def _answer(
    request: S3Request, fields: Mapping[str, str], version: ObjectVersion, *, versioned: bool
) -> S3Response:
    headers = version_headers(version, versioned)
    bucket = request.bucket
    location = request.location(version.key)
    redirect = fields.get("success_action_redirect") or fields.get("redirect")
    if redirect:
        target = urlsplit(redirect)
        query = [*parse_qsl(target.query, keep_blank_values=True)]
        query += [("bucket", bucket), ("key", version.key), ("etag", quote_etag(version.etag))]
        return S3Response(
            303, {**headers, "Location": urlunsplit(target._replace(query=urlencode(query)))}
        )
    headers["Location"] = location
    status = fields.get("success_action_status", "204")
    if status == "201":
        nodes = [
            ("Location", location),
            ("Bucket", bucket),
            ("Key", version.key),
            ("ETag", quote_etag(version.etag)),
        ]
        return xml_response("PostResponse", nodes, status=201, headers=headers)
    return S3Response(200 if status == "200" else 204, headers)
