"""Authenticate requests: signed headers, presigned URLs and signed upload forms.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (version 2, which
boto3 still chooses for presigned URLs where a client does not ask for `s3v4`)

The signature of a presigned URL and of a form is verified here. That of signed headers is verified
by the front door, for all services alike; here only the access key and the region are read from it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from localcloud.errors import AwsError
from localcloud.iam.request_signature import signing_key
from localcloud.s3.errors import access_denied
from localcloud.s3.request import S3Request
from localcloud.s3.xml_format import timestamp

SecretFor = Callable[[str], "str | None"]
"""Returns the secret of an access key id, None where the key is unknown."""

MAX_EXPIRES = 604_800
_SKEW = 900
_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256\s+Credential=([^/,\s]+)/\d{8}/([^/,\s]+)/")
_V2_SUBRESOURCES = re.compile(
    r"acl|cors|delete|lifecycle|location|logging|notification|partNumber|policy|requestPayment"
    r"|response-[a-z-]+|tagging|torrent|uploadId|uploads|versionId|versioning|versions|website"
)


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Verifies signatures; `secret_for` gives the keys, `clock` the time in seconds."""

    secret_for: SecretFor
    region: str
    clock: Callable[[], float]

    def authenticate(self, request: S3Request) -> str:
        """Return the access key id of the sender; raise the errors of AWS if it is not valid."""
        if "X-Amz-Algorithm" in request.query or "X-Amz-Signature" in request.query:
            return self._check_v4(request)
        if "Signature" in request.query:
            return self._check_v2(request)
        found = _AUTHORIZATION.match(request.headers.get("authorization", ""))
        if found is None:
            raise access_denied()
        if found[2] != self.region:
            raise AwsError(
                "AuthorizationHeaderMalformed",
                f"The authorization header is malformed; the region '{found[2]}' is wrong; "
                f"expecting '{self.region}'",
                Region=self.region,
            )
        return found[1]

    def check_form(self, fields: Mapping[str, str]) -> str:
        """Verify the signature over the policy of an upload form; names are lower case.

        Returns the access key id of the signer.
        """
        policy = fields["policy"]
        if "x-amz-signature" in fields:
            if fields.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
                raise AwsError("InvalidArgument", "Unsupported x-amz-algorithm in the form.")
            scope = self._scope(fields.get("x-amz-credential", ""), fields.get("x-amz-date", ""))
            _compare(scope.sign(policy), fields["x-amz-signature"])
            return scope.access_key
        access_key = fields.get("awsaccesskeyid", "")
        _compare(_hmac_sha1(self._secret(access_key), policy), fields.get("signature", ""))
        return access_key

    def _check_v4(self, request: S3Request) -> str:
        query = request.query
        needed = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
        if any(f"X-Amz-{name}" not in query for name in needed):
            raise _malformed_query(
                "Query-string authentication version 4 requires the"
                " X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date,"
                " X-Amz-SignedHeaders, and X-Amz-Expires parameters."
            )
        if query["X-Amz-Algorithm"] != "AWS4-HMAC-SHA256":
            raise _malformed_query('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
        date = query["X-Amz-Date"]
        scope = self._scope(query["X-Amz-Credential"], date)
        self._check_lifetime(_parse_date(date), query["X-Amz-Expires"])
        signed = query["X-Amz-SignedHeaders"].split(";")
        _refuse_unsigned(request, signed)
        canonical = _canonical_request(request, signed)
        digest = hashlib.sha256(canonical.encode("latin-1")).hexdigest()
        _compare(
            scope.sign(f"AWS4-HMAC-SHA256\n{date}\n{scope.text}\n{digest}"),
            query["X-Amz-Signature"],
        )
        return scope.access_key

    def _check_lifetime(self, signed_at: int, expires: str) -> None:
        if not expires.isascii() or not expires.isdigit():
            raise _malformed_query("X-Amz-Expires should be a number")
        if not 0 < int(expires) <= MAX_EXPIRES:
            raise _malformed_query("X-Amz-Expires must be between 1 and 604800 seconds (a week)")
        now = self.clock()
        if signed_at > now + _SKEW:
            raise access_denied("Request is not yet valid")
        if now > signed_at + int(expires):
            raise _expired_error(signed_at + int(expires), now)

    def _check_v2(self, request: S3Request) -> str:
        query = request.query
        access_key, expires = query.get("AWSAccessKeyId", ""), query.get("Expires", "")
        if not expires.isascii() or not expires.isdigit():
            raise access_denied("Query-string authentication requires the Expires parameter")
        if self.clock() > int(expires):
            raise _expired_error(int(expires), self.clock())
        text = _v2_string_to_sign(request, expires)
        _compare(_hmac_sha1(self._secret(access_key), text), query["Signature"])
        return access_key

    def _scope(self, credential: str, date: str) -> _Scope:
        parts = credential.split("/")
        if len(parts) != 5 or parts[3:] != ["s3", "aws4_request"] or parts[1] != date[:8]:
            raise _malformed_query(
                "Error parsing the X-Amz-Credential parameter; it should be of the form"
                " <key>/YYYYMMDD/REGION/s3/aws4_request with the date of X-Amz-Date."
            )
        if parts[2] != self.region:
            raise _malformed_query(
                "Error parsing the X-Amz-Credential parameter;"
                f" the region '{parts[2]}' is wrong; expecting '{self.region}'"
            )
        return _Scope(parts[0], self._secret(parts[0]), "/".join(parts[1:]))

    def _secret(self, access_key: str) -> str:
        secret = self.secret_for(access_key)
        if secret is None:
            raise AwsError(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
                403,
                AWSAccessKeyId=access_key,
            )
        return secret


@dataclass(frozen=True, slots=True)
class _Scope:
    access_key: str
    secret: str
    text: str

    def sign(self, text: str) -> str:
        return hmac.new(signing_key(self.secret, self.text), text.encode(), "sha256").hexdigest()


def _canonical_request(request: S3Request, signed: list[str]) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in request.query.items()
        if name != "X-Amz-Signature"
    )
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed
    )
    payload = request.query.get("X-Amz-Content-Sha256") or request.headers.get(
        "x-amz-content-sha256", "UNSIGNED-PAYLOAD"
    )
    return "\n".join(
        [
            request.method,
            quote(request.signed_path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(signed),
            payload,
        ]
    )


def _refuse_unsigned(request: S3Request, signed: list[str]) -> None:
    hoisted = {name.lower() for name in request.query}
    for name in request.headers:
        if name.startswith("x-amz-") and name not in signed and name not in hoisted:
            raise AwsError(
                "AccessDenied",
                "There were headers present in the request which were not signed",
                403,
                HeadersNotSigned=name,
            )


def _v2_string_to_sign(request: S3Request, expires: str) -> str:
    amz = "".join(
        f"{name}:{value.strip()}\n"
        for name, value in sorted(request.headers.items())
        if name.startswith("x-amz-")
    )
    subresources = "&".join(
        f"{name}={value}" if value else name
        for name, value in sorted(request.query.items())
        if _V2_SUBRESOURCES.fullmatch(name)
    )
    resource = quote(request.path, safe="/~") + (f"?{subresources}" if subresources else "")
    return "\n".join(
        [
            request.method,
            request.headers.get("content-md5", ""),
            request.headers.get("content-type", ""),
            expires,
            amz + resource,
        ]
    )


def _hmac_sha1(secret: str, text: str) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha1")).decode()


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise AwsError(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided."
            " Check your key and signing method.",
            403,
            SignatureProvided=given,
        )


def _parse_date(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise _malformed_query(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
        ) from None


def _malformed_query(message: str) -> AwsError:
    return AwsError("AuthorizationQueryParametersError", message)


def _expired_error(at: int, now: float) -> AwsError:
    return AwsError(
        "AccessDenied",
        "Request has expired",
        403,
        Expires=timestamp(at),
        ServerTime=timestamp(int(now)),
    )
