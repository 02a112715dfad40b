"""Hosts that address S3, and its answers to requests that reach another region's.

The local cloud is addressed by path (`127.0.0.1/BUCKET/KEY`), by name (`BUCKET.localhost/KEY`),
or by S3's own hosts, where a client connects those to this machine. It is stricter than AWS in
one respect: names never propagate through DNS, so that a bucket is always as a new one.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
https://docs.aws.amazon.com/AmazonS3/latest/API/UsingRouting.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from localcloud.errors import AwsError
from localcloud.s3.errors import S3Error

_AWS_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]+)\.)?s3(?:\.dualstack)?(?:[.-](?P<region>[a-z]+-[a-z-]+-\d))?"
    r"\.amazonaws\.com(?:\.cn)?"
)
_LOCAL_HOST = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]+)\.localhost")
_PORT = re.compile(r":\d*$")

_GLOBAL_REGION = "us-east-1"
"""The region whose servers answer on the global host, unless DNS knows the bucket."""

REDIRECTING_REGIONS = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
"""Regions launched before March 20, 2019. Requests for a bucket in a later one that reach the
wrong region are answered with 400 instead of a redirect."""


@dataclass(frozen=True, slots=True)
class S3Address:
    """A parsed `Host` header: its bucket, if that is not in the path, and S3's region.

    `region` is "" for S3's global host, and None for this machine's names, which have none.
    """

    bucket: str = ""
    region: str | None = None


BY_PATH = S3Address()
"""An address of this machine that names no bucket, by which the API is addressed too."""


def parse_host(host: str) -> S3Address:
    """Return what a `Host` header addresses; names that are not known are taken by path."""
    name = _PORT.sub("", host).lower()
    if found := _AWS_HOST.fullmatch(name):
        return S3Address(found["bucket"] or "", found["region"] or "")
    found = _LOCAL_HOST.fullmatch(name)
    return S3Address(found["bucket"]) if found else BY_PATH


def refuse_wrong_region(address: S3Address, region: str, bucket: str, key: str, query: str) -> None:
    """Raise S3's answer if a request for `bucket` of `region` came to a host of another region.

    `query` is the raw query string, which a redirect repeats.
    """
    if address.region is None or (address.region or _GLOBAL_REGION) == region:
        return
    if region not in REDIRECTING_REGIONS:
        raise AwsError(
            "IllegalLocationConstraintException",
            f"The {region} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
        )
    endpoint = f"{bucket}.s3.{region}.amazonaws.com"
    headers = {"x-amz-bucket-region": region}
    if address.region:
        raise S3Error(
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified "
            "endpoint. Please send all future requests to this endpoint.",
            301,
            headers,
            Bucket=bucket,
            Endpoint=endpoint,
        )
    location = f"https://{endpoint}/{quote(key)}" + (f"?{query}" if query else "")
    raise S3Error(
        "TemporaryRedirect",
        "Please re-send this request to the specified temporary endpoint. Continue to use the "
        "original request endpoint for future requests.",
        307,
        {**headers, "Location": location},
        Bucket=bucket,
        Endpoint=endpoint,
    )
