"""Checksums of parts put together.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.errors import AwsError
from localcloud.s3.request_body.checksums import (
    SizedChecksum,
    check_checksum_value,
    checksum_type,
    composite_checksum,
    encode_digest,
    full_object_checksum,
    new_digest,
    parse_content_md5,
)


def digest(algorithm: str, data: bytes) -> str:
    running = new_digest(algorithm)
    running.update(data)
    return encode_digest(running.digest())


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("CRC32", "cbf43926"),
        ("CRC32C", "e3069283"),
        ("CRC64NVME", "ae8b14860a799888"),
        ("MD5", "25f9e794323b453885f5181f1b624d0b"),
    ],
)
def test_the_published_check_values_come_out(algorithm: str, value: str) -> None:
    assert digest(algorithm, b"123456789") == encode_digest(bytes.fromhex(value))


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME"])
@given(parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_the_crc_of_the_whole_follows_from_those_of_the_parts(
    algorithm: str, parts: list[bytes]
) -> None:
    sized = [SizedChecksum(digest(algorithm, part), len(part)) for part in parts]
    assert full_object_checksum(algorithm, sized) == digest(algorithm, b"".join(parts))


def test_a_composite_says_how_many_parts_it_is_of() -> None:
    one, two = digest("SHA256", b"1"), digest("SHA256", b"2")
    assert composite_checksum("SHA256", [one, two]).endswith("=-2")


@pytest.mark.parametrize(
    ("algorithm", "requested", "kind"),
    [
        ("CRC32", None, "COMPOSITE"),
        ("CRC32", "FULL_OBJECT", "FULL_OBJECT"),
        ("CRC64NVME", None, "FULL_OBJECT"),
        ("SHA256", None, "COMPOSITE"),
    ],
)
def test_each_algorithm_has_its_types(algorithm: str, requested: str | None, kind: str) -> None:
    assert checksum_type(algorithm, requested) == kind


@pytest.mark.parametrize(
    ("algorithm", "requested"),
    [("SHA1", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE"), ("CRC32", "x")],
)
def test_a_type_that_an_algorithm_does_not_have_is_refused(algorithm: str, requested: str) -> None:
    with pytest.raises(AwsError, match="InvalidRequest"):
        checksum_type(algorithm, requested)


def test_an_algorithm_that_is_not_computed_here_is_refused() -> None:
    with pytest.raises(AwsError, match="NotImplemented"):
        new_digest("XXHASH3")


@pytest.mark.parametrize("header", ["", "x", "AAAA", "é" * 24])
def test_a_content_md5_that_is_none_is_refused(header: str) -> None:
    with pytest.raises(AwsError, match="InvalidDigest"):
        parse_content_md5(header)


@pytest.mark.parametrize("value", ["", "x", "AAAA", "AAAAAAAA", "é"])
def test_a_value_that_cannot_be_a_checksum_is_refused(value: str) -> None:
    check_checksum_value("CRC32", "AAAAAA==")
    with pytest.raises(AwsError, match="x-amz-checksum-crc32 header is invalid"):
        check_checksum_value("CRC32", value)
