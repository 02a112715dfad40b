"""Errors of copies between buckets name the remedy."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.s3_transfers import S3Transfers
from chalicelib.errors import HeadraceError, InvalidInput, NotFound
from chalicelib.schedules.locations import S3Location


class Refusing:
    """A client of S3 that refuses every write with one code."""

    def __init__(self, code: str) -> None:
        self.code = code

    def put_object(self, **given: Any) -> Any:
        raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "PutObject")


@pytest.mark.parametrize(
    ("code", "kind", "remedy"),
    [
        ("AccessDenied", InvalidInput, "parameter ScheduleBuckets has to name the bucket"),
        ("NoSuchBucket", NotFound, "correct the address"),
        ("InvalidObjectState", InvalidInput, "restore it first"),
    ],
)
def test_a_refusal_should_name_its_remedy(
    code: str, kind: type[HeadraceError], remedy: str
) -> None:
    transfers = S3Transfers(cast("Any", Refusing(code)))
    with pytest.raises(kind, match=remedy) as raised:
        transfers.put_object(S3Location("other", "in/a.txt"), b"", "text/plain")
    assert raised.value.field == "uri"
    assert "s3://other/in/a.txt" in raised.value.message
