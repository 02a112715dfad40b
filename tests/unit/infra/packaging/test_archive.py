"""Bundles as ZIP files: the same bytes for the same content, and readable by anyone."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from infra.packaging import archive
from infra.packaging.archive import DeflateCache
from infra.packaging.cache import PackagingCache

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=20)


def written(folder: Path, contents: dict[str, bytes], when: int = 0, mode: int = 0o644) -> Path:
    """Pack `contents`, which lie in files of some time and mode."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for number, (name, content) in enumerate(contents.items()):
        file = folder / f"{number}"
        file.write_bytes(content)
        file.chmod(mode)
        os.utime(file, (when, when))
        entries[name] = file
    told = archive.write_archive(
        entries, folder / "made.zip", DeflateCache(PackagingCache(folder / "kept"))
    )
    assert told == archive.sha256_of(folder / "made.zip")
    return folder / "made.zip"


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=6))
def test_what_is_written_should_be_read_by_others(contents: dict[str, bytes]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        zipfile.ZipFile(written(Path(folder), contents)) as read,
    ):
        assert read.testzip() is None
        assert {info.filename: read.read(info) for info in read.infolist()} == contents
        assert read.namelist() == sorted(contents)


def test_order_times_umask_and_what_is_kept_should_not_show(tmp_path: Path) -> None:
    contents = {"b/c.py": b"x = 1\n" * 99, "a.py": b""}
    first = written(tmp_path / "one", contents, when=1, mode=0o600)
    again = written(tmp_path / "one", contents, when=3)
    other = written(tmp_path / "two", dict(reversed(contents.items())), when=2, mode=0o664)
    assert first.read_bytes() == again.read_bytes() == other.read_bytes()


def test_what_nobody_asked_for_should_go(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    kept = tmp_path / "kept"
    DeflateCache(PackagingCache(kept)).of(tmp_path / "a")
    later = DeflateCache(PackagingCache(kept))
    content = later.of(tmp_path / "b")
    assert len(list(kept.glob("[0-9a-f]*"))) == 2
    later.cache.forget_unused()
    assert len(list(kept.glob("[0-9a-f]*"))) == 1
    assert DeflateCache(PackagingCache(kept)).of(tmp_path / "b") == content
