"""The files of a job, whatever was written of them before a kill.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.bedrock.batch.job_files import (
    InvalidRecords,
    JobFileLocation,
    RecordOutput,
    append_output,
    count_records,
    read_outputs,
    remaining_records,
)


def line(number: int) -> str:
    return json.dumps({"recordId": f"R{number}", "modelInput": {"inputText": f"ü{number}"}})


@given(done=st.integers(0, 6), cut=st.integers(0, 200), blank=st.booleans())
def test_what_a_kill_cut_off_should_be_asked_again_and_nothing_else(
    done: int, cut: int, blank: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        path, out = Path(name) / "a.jsonl", Path(name) / "a.answers"
        path.write_text(("\n\n" if blank else "\n").join(line(number) for number in range(6)))
        records = list(remaining_records(path, out))
        for record in records[:done]:
            append_output(out, RecordOutput({**record, "modelOutput": {}}, 1, 2))
        whole = out.read_bytes() if done else b""
        out.write_bytes(whole[: max(0, len(whole) - cut)])
        kept = whole[: max(0, len(whole) - cut)].count(b"\n")
        assert [r["recordId"] for r in remaining_records(path, out)] == [
            f"R{n}" for n in range(kept, 6)
        ]
        assert len(list(read_outputs(out))) == kept


def test_a_record_without_an_id_should_get_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"modelInput": {}}\n{"recordId": "mine", "modelInput": {}}\n')
    ids = [record["recordId"] for record in remaining_records(path, tmp_path / "none")]
    assert len(ids[0]) == 11
    assert ids[1] == "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1 of f is not JSON"),
        ("[]", "line 1 of f must be an object"),
        ('{"recordId": "a"}', "must be an object with a modelInput"),
        ('{"modelInput": "text"}', "must be an object with a modelInput"),
        ('{"modelInput": {}, "colour": "red"}', "has the key colour"),
        ('{"modelInput": {}}\nnonsense', "line 2 of f"),
    ],
)
def test_what_is_no_record_should_be_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidRecords, match=message):
        count_records(path, "f")


def test_places_should_be_taken_apart_and_gone_into() -> None:
    assert JobFileLocation.parse("s3://bucket/a/b/").child("c.out") == JobFileLocation(
        "bucket", "a/b/c.out"
    )
    assert JobFileLocation.parse("s3://bucket").child("c.out") == JobFileLocation("bucket", "c.out")
