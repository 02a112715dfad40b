"""Uploads from a browser's form, under a signed policy.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from localcloud.errors import AwsError
from localcloud.s3.answer import Answer, xml
from localcloud.s3.blobs import PIECE
from localcloud.s3.bucketcalls import Call
from localcloud.s3.checksums import ALGORITHMS, bad_digest
from localcloud.s3.conditions import WriteCondition
from localcloud.s3.describing import describe, parse_tagging
from localcloud.s3.forms import FilePart, Form, read_form
from localcloud.s3.markup import quoted
from localcloud.s3.permits import Permits
from localcloud.s3.policy import Policy, SizeLimit
from localcloud.s3.receiving import DEFAULT_ALGORITHM, MAX_OBJECT, Meter, Received, framed
from localcloud.s3.request import MAX_KEY_BYTES, S3Request
from localcloud.s3.schema import Version
from localcloud.s3.signatures import Authenticator, access_denied
from localcloud.s3.store import Store
from localcloud.s3.writecalls import CauseOf, commit, draft_of, written_headers

_SIGNATURE = frozenset(
    {"x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"}
)
_SUPPORTED = frozenset({"x-amz-storage-class", "x-amz-server-side-encryption"})


class FormCalls:
    """PostObject."""

    def __init__(
        self, store: Store, authenticator: Authenticator, cause_of: CauseOf, permits: Permits
    ) -> None:
        self._permits = permits
        self._store = store
        self._authenticator = authenticator
        self._cause_of = cause_of

    def calls(self) -> Mapping[str, Call]:
        """Return the operations by name."""
        return {"PostObject": self.post_object}

    def post_object(self, request: S3Request) -> Answer:
        """Store the file of a form, if its policy allows it."""
        bucket = self._store.catalogue.bucket(request.bucket)
        form = read_form(framed(request), request.headers.get("content-type", ""))
        assert form.file is not None, "read_form returns at the file"
        fields = form.fields
        key = fields["key"] = _key(form)
        policy = self._checked_policy(fields, request.bucket)
        _refuse_unsupported(fields)
        acl = {"x-amz-acl": fields["acl"]} if "acl" in fields else {}
        metadata = {
            name.removeprefix("x-amz-meta-"): value
            for name, value in fields.items()
            if name.startswith("x-amz-meta-")
        }
        described = describe({**fields, **acl}, metadata)
        tags = parse_tagging(fields["tagging"].encode(), most=10) if "tagging" in fields else {}
        received = self._receive(form.file, policy.size or SizeLimit(0, MAX_OBJECT), fields)
        draft = draft_of(request.bucket, key, received, described, tags)
        cause = self._cause_of(request, "POST Object")
        version = commit(self._store, draft, WriteCondition(), cause)
        return _answer(request, fields, version, versioned=bool(bucket.versioning))

    def _checked_policy(self, fields: Mapping[str, str], bucket: str) -> Policy:
        if "policy" not in fields:
            raise access_denied()
        access_key = self._authenticator.check_form(fields)
        policy = Policy.decode(fields["policy"])
        policy.check(fields, bucket, self._authenticator.clock())
        self._permits.check_form(bucket, fields, access_key)
        return policy

    def _receive(self, file: FilePart, limit: SizeLimit, fields: Mapping[str, str]) -> Received:
        algorithm = _declared_algorithm(fields) or DEFAULT_ALGORITHM
        meter = Meter([algorithm])
        with self._store.blobs.receive() as incoming:
            while piece := file.read(PIECE):
                limit.check_growing(incoming.size + len(piece))
                meter.update(piece)
                incoming.write(piece)
            limit.check_whole(incoming.size)
            declared = fields.get(f"x-amz-checksum-{algorithm.lower()}")
            if declared is not None and declared != meter.base64(algorithm):
                raise bad_digest(algorithm)
            extent = incoming.keep()
        return Received(extent, meter.md5(), algorithm, meter.base64(algorithm))


def _key(form: Form) -> str:
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
    request: S3Request, fields: Mapping[str, str], version: Version, *, versioned: bool
) -> Answer:
    headers = written_headers(version, versioned)
    bucket = request.bucket
    location = request.location(version.key)
    redirect = fields.get("success_action_redirect") or fields.get("redirect")
    if redirect:
        target = urlsplit(redirect)
        query = [*parse_qsl(target.query, keep_blank_values=True)]
        query += [("bucket", bucket), ("key", version.key), ("etag", quoted(version.etag))]
        return Answer(
            303, {**headers, "Location": urlunsplit(target._replace(query=urlencode(query)))}
        )
    headers["Location"] = location
    status = fields.get("success_action_status", "204")
    if status == "201":
        nodes = [
            ("Location", location),
            ("Bucket", bucket),
            ("Key", version.key),
            ("ETag", quoted(version.etag)),
        ]
        return xml("PostResponse", nodes, status=201, headers=headers)
    return Answer(200 if status == "200" else 204, headers)
