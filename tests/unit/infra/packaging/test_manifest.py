"""The manifest: what is written is read, and anything else is refused with what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.packaging.manifest import FORMAT, Manifest, PackagedFunction, is_package
from infra.packaging.targets import PackagingError

FUNCTION = PackagedFunction("EmbedText", "embed_text", "functions/e.zip", "functions/e", "0", 1, 2)
MANIFEST = Manifest("dev", "eu-central-1", "arm64", "template.json", "00", (FUNCTION,))


def test_what_was_written_should_be_read(tmp_path: Path) -> None:
    MANIFEST.write(tmp_path)
    assert Manifest.read(tmp_path) == MANIFEST
    written = json.loads((tmp_path / "manifest.json").read_text())
    assert written["format"] == FORMAT
    assert written["functions"][0]["logical_id"] == "EmbedText"


def test_a_package_should_be_told_from_any_other_folder(tmp_path: Path) -> None:
    assert not is_package(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": "a web page", "format": 1}')
    assert not is_package(tmp_path)
    MANIFEST.write(tmp_path)
    assert is_package(tmp_path)


def test_a_folder_without_one_should_be_told_apart(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="holds no package"):
        Manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"format": 2}', "format 2, and 1 is read here"),
        ("{", "cannot be read"),
        ("[]", "cannot be read"),
        ('{"format": 1}', "cannot be read"),
        ('{"format": 1, "functions": [{"name": "x"}]}', "cannot be read"),
    ],
)
def test_another_format_should_be_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(PackagingError, match=f"{why}.*headrace package"):
        Manifest.read(tmp_path)
