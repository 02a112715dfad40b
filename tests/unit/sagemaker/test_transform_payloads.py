"""Objects cut into records, and records put into requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.transform.payloads import (
    UnreadableInput,
    assemble,
    parse_manifest,
    split_payloads,
)

LINES = st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=20)


@given(lines=LINES, most=st.integers(12, 40))
def test_no_record_should_be_lost_or_told_twice(lines: list[bytes], most: int) -> None:
    content = b"\n".join(lines)
    wanted = [line.rstrip(b"\r") for line in lines if line.rstrip(b"\r")]
    for batching in ("SingleRecord", "MultiRecord"):
        found = list(split_payloads(content, "Line", batching, most))
        records = [record for each in found for record in each.body.split(b"\n")]
        assert records == wanted
        assert all(len(each.body) <= most for each in found)
        first = 1
        for each in found:
            assert each.first == first
            first += each.records
        assert first == len(wanted) + 1
    assert len(list(split_payloads(content, "Line", "SingleRecord", most))) == len(wanted)


def test_an_object_should_go_whole_where_it_is_not_split() -> None:
    (found,) = split_payloads(b"one\ntwo\n", "None", "MultiRecord", 100)
    assert (found.body, found.records) == (b"one\ntwo\n", 1)


@pytest.mark.parametrize("split", ["None", "Line"])
def test_a_record_that_is_too_large_should_be_named(split: str) -> None:
    with pytest.raises(UnreadableInput, match="record 1 has 9 bytes, and MaxPayloadInMB allows 8"):
        list(split_payloads(b"x" * 9, split, "MultiRecord", 8))  # type: ignore[arg-type]


def test_answers_should_be_put_together_as_asked_for() -> None:
    assert assemble([b"1", b"2\n"], "Line") == b"1\n2\n"
    assert assemble([b"1", b"2\n"], "None") == b"12\n"
    assert assemble([], "Line") == b""


def test_a_manifest_should_name_objects_below_its_prefix() -> None:
    assert parse_manifest(b'[{"prefix": "s3://b/in/"}, "a", "deep/b"]') == [
        "s3://b/in/a",
        "s3://b/in/deep/b",
    ]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '[{"prefix": "s3://b"}]', '[{"prefix": 1}, "a"]', '["a"]', "1"]
)
def test_a_manifest_that_is_none_should_be_told(text: str) -> None:
    with pytest.raises(UnreadableInput, match="The manifest has to be"):
        parse_manifest(text.encode())
