"""Sizes against the limit of Lambda."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.packaging.manifest import MAX_UNZIPPED_BYTES, BundleSize, size_table, unzipped_size
from infra.packaging.targets import PackagingError


def sparse(file: Path, size: int) -> Path:
    with file.open("wb") as opened:
        opened.truncate(size)
    return file


def test_exactly_the_limit_should_pass_and_one_byte_more_not(tmp_path: Path) -> None:
    half = sparse(tmp_path / "half", MAX_UNZIPPED_BYTES // 2)
    entries = {"onnxruntime/a.so": half, "models/cache/minilm/model.onnx": half}
    assert unzipped_size("embed_text", entries) == MAX_UNZIPPED_BYTES
    entries["app.py"] = sparse(tmp_path / "one", 1)
    with pytest.raises(PackagingError) as refused:
        unzipped_size("embed_text", entries)
    said = str(refused.value)
    assert "embed_text has 262,144,001 bytes unzipped, and Lambda takes 262,144,000" in said
    assert "models/cache/minilm 131.1 MB, onnxruntime 131.1 MB, app.py 0.0 MB" in said.replace(
        "onnxruntime 131.1 MB, models/cache/minilm 131.1 MB",
        "models/cache/minilm 131.1 MB, onnxruntime 131.1 MB",
    )


def test_the_table_should_begin_with_the_largest() -> None:
    head, *lines = size_table(
        [
            BundleSize("app", 9_000_000, MAX_UNZIPPED_BYTES // 10),
            BundleSize("ocr", 90_000_000, MAX_UNZIPPED_BYTES),
        ]
    )
    assert head.split() == ["function", "zipped", "unzipped", "of", "250", "MB"]
    assert lines[0].split() == ["ocr", "90.0", "MB", "262.1", "MB", "100%"]
    assert lines[1].split() == ["app", "9.0", "MB", "26.2", "MB", "10%"]
