"""Base models as folders: their record, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from models.bases import folder as bases
from models.bases.folder import read_base, record_base
from models.failures import BadData


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a folder with the files of a small base."""
    (tmp_path / bases.CONFIG).write_text(json.dumps({"model_type": "llama"}))
    (tmp_path / bases.WEIGHTS).write_bytes(b"weights")
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"code may hide here")
    return tmp_path


def record(folder: Path) -> None:
    record_base(folder, name="small", source="hf:someone/small", licence="Apache-2.0")


def test_a_recorded_base_is_read(base: Path) -> None:
    record(base)
    found = read_base(base)
    assert found.model_type == "llama"
    assert set(found.record.files) == {bases.CONFIG, bases.WEIGHTS, "tokenizer.json"}


def test_the_identity_is_the_content_and_not_the_name(base: Path) -> None:
    record(base)
    first = read_base(base).sha256
    record_base(base, name="other", source="elsewhere", licence="MIT", notes="renamed")
    assert read_base(base).sha256 == first
    (base / bases.WEIGHTS).write_bytes(b"weighty")
    record(base)
    assert read_base(base).sha256 != first


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda at: (at / bases.RECORD).unlink(), "has no base.json"),
        (lambda at: (at / bases.RECORD).write_text("{"), "cannot be read"),
        (lambda at: (at / bases.WEIGHTS).unlink(), "model.safetensors is missing"),
        (lambda at: (at / bases.WEIGHTS).write_bytes(b"weighty"), "another sha256"),
        (lambda at: (at / bases.WEIGHTS).write_bytes(b"wei"), "3 bytes of 7"),
    ],
)
def test_a_base_that_is_not_whole_is_refused(
    base: Path, break_it: Callable[[Path], object], says: str
) -> None:
    record(base)
    break_it(base)
    with pytest.raises(BadData, match=re.escape(says)):
        read_base(base)


@pytest.mark.parametrize(("missing", "says"), [(bases.CONFIG, "config"), (bases.WEIGHTS, "hide")])
def test_weights_that_are_no_safetensors_are_no_base(base: Path, missing: str, says: str) -> None:
    (base / missing).unlink()
    with pytest.raises(BadData, match=says):
        record(base)


def test_a_record_names_files_beside_it_alone(base: Path) -> None:
    record(base)
    written = json.loads((base / bases.RECORD).read_text())
    written["files"]["../outside.json"] = {"bytes": 0, "sha256": "0" * 64}
    (base / bases.RECORD).write_text(json.dumps(written))
    with pytest.raises(BadData, match="outside"):
        read_base(base)
