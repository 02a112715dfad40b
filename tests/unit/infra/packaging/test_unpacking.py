"""Bundles unpacked: read-only, only what the manifest names, and what is equal lies there once."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from infra.packaging import archive
from infra.packaging.archive import DeflateCache, UnpackedBundles
from infra.packaging.cache import PackagingCache
from infra.packaging.targets import PackagingError


def packed(folder: Path, contents: dict[str, bytes], mode: int = 0o644) -> Path:
    """Pack `contents`, which lie in files of some mode."""
    folder.mkdir()
    entries = {}
    for number, (name, content) in enumerate(contents.items()):
        file = folder / f"{number}"
        file.write_bytes(content)
        file.chmod(mode)
        entries[name] = file
    archive.write_archive(
        entries, folder / "made.zip", DeflateCache(PackagingCache(folder / "kept"))
    )
    return folder / "made.zip"


def unpacked(folder: Path, file: Path) -> Path:
    into = folder / "bundles" / file.parent.name
    UnpackedBundles(folder / "contents").unpack(file, archive.sha256_of(file), into)
    return into


def test_what_was_packed_should_be_there_again(tmp_path: Path) -> None:
    contents = {"a.py": b"", "b/c/d.py": b"x = 1\n" * 99, "b/e": bytes(range(256)) * 5000}
    into = unpacked(tmp_path, packed(tmp_path / "one", contents))
    found = {file: file.read_bytes() for file in into.rglob("*") if file.is_file()}
    assert found == {into / name: content for name, content in contents.items()}


def test_what_can_be_run_should_stay_so_and_nothing_be_writable(tmp_path: Path) -> None:
    run = {"outer/room/bootstrap": b"#!/bin/sh\n"}
    into = unpacked(tmp_path, packed(tmp_path / "one", run, mode=0o700))
    assert (into / "outer" / "room" / "bootstrap").stat().st_mode & 0o777 == 0o555
    for folder in (into, into / "outer", into / "outer" / "room"):
        assert folder.stat().st_mode & 0o777 == 0o555
    read = unpacked(tmp_path, packed(tmp_path / "two", run))
    assert (read / "outer" / "room" / "bootstrap").stat().st_mode & 0o777 == 0o444


def test_a_file_with_all_the_names_it_may_have_should_be_made_anew(tmp_path: Path) -> None:
    file = packed(tmp_path / "one", dict.fromkeys("abcde", b"same"))
    into = tmp_path / "bundles"
    UnpackedBundles(tmp_path / "contents", most_names=3).unpack(file, archive.sha256_of(file), into)
    assert {each.read_bytes() for each in into.iterdir()} == {b"same"}
    assert len({each.stat().st_ino for each in into.iterdir()}) == 3


def test_what_is_equal_should_lie_there_once(tmp_path: Path) -> None:
    first = unpacked(tmp_path, packed(tmp_path / "one", {"a": b"same", "b": b"same", "c": b"1"}))
    second = unpacked(tmp_path, packed(tmp_path / "two", {"d/a": b"same", "c": b"2"}))
    same = {(first / "a").stat().st_ino, (first / "b").stat().st_ino}
    assert same == {(second / "d" / "a").stat().st_ino}
    assert (first / "c").read_bytes() + (second / "c").read_bytes() == b"12"
    assert len(list((tmp_path / "contents").iterdir())) == 3


def test_what_is_in_no_bundle_any_more_should_go(tmp_path: Path) -> None:
    unpacked(tmp_path, packed(tmp_path / "one", {"a": b"same", "b": b"other"}))
    second = unpacked(tmp_path, packed(tmp_path / "two", {"a": b"same"}))
    first = tmp_path / "bundles" / "one"
    first.chmod(0o755)
    (first / "b").unlink()
    UnpackedBundles(tmp_path / "contents").forget_unused()
    assert [file.read_bytes() for file in (tmp_path / "contents").iterdir()] == [b"same"]
    assert (second / "a").read_bytes() == b"same"


def test_what_a_killed_unpacking_left_should_be_made_anew(tmp_path: Path) -> None:
    file = packed(tmp_path / "one", {"a": b"whole"})
    unpacked(tmp_path, file)
    (kept,) = (tmp_path / "contents").iterdir()
    draft = kept.rename(kept.with_suffix(".draft"))
    draft.chmod(0o644)
    draft.write_bytes(b"wh")
    draft.chmod(0o444)
    again = tmp_path / "again"
    UnpackedBundles(tmp_path / "contents").unpack(file, archive.sha256_of(file), again)
    assert (again / "a").read_bytes() == b"whole"


def test_another_file_than_the_manifest_s_should_be_refused(tmp_path: Path) -> None:
    file = packed(tmp_path / "one", {"a": b"1"})
    contents = UnpackedBundles(tmp_path / "contents")
    with pytest.raises(PackagingError, match="and the manifest names 00"):
        contents.unpack(file, "00", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(PackagingError, match="is missing; make the package anew"):
        contents.unpack(tmp_path / "none.zip", "00", tmp_path / "out")


@pytest.mark.parametrize("name", ["../a", "b/../../a", "/a"])
def test_a_file_that_would_lie_elsewhere_should_be_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "made.zip"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(name, b"1")
    with pytest.raises(PackagingError, match="outside its folder"):
        UnpackedBundles(tmp_path / "contents").unpack(
            file, archive.sha256_of(file), tmp_path / "bundles" / "one"
        )
    assert {each.name for each in tmp_path.rglob("a")} == set()
