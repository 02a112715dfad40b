"""Sources of Python packages as data: pinned, kept, nothing unpinned run, clear failures."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from models.data.packages import TRIES, PythonPackage, pip_download, read_python_files
from models.failures import BadData, NoDataset


def source(body: bytes = b"<a/>") -> bytes:
    """A source archive with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        info = tarfile.TarInfo("words-2.0/training/rows.xml")
        info.size = len(body)
        archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def package(whole: bytes) -> PythonPackage:
    return PythonPackage("words", "2.0", hashlib.sha256(whole).hexdigest())


class Index:
    """Gives these bytes, after so many failures."""

    def __init__(self, whole: bytes, failures: int = 0) -> None:
        self.whole, self.failures, self.asked = whole, failures, 0

    def __call__(self, wanted: PythonPackage, folder: Path) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            raise subprocess.TimeoutExpired(["pip", wanted.name], 120)
        (folder / wanted.file).write_bytes(self.whole)


def test_should_download_once_and_read_what_is_kept(tmp_path: Path) -> None:
    whole = source()
    index = Index(whole, failures=TRIES - 1)
    for _ in range(2):
        found = read_python_files(package(whole), ["training/rows.xml"], tmp_path, index)
        assert found == {"training/rows.xml": b"<a/>"}
    assert index.asked == TRIES


def test_should_say_what_is_wrong_and_keep_nothing_of_it(tmp_path: Path) -> None:
    whole = source()
    for index, told in (
        (
            Index(whole, failures=TRIES),
            r"words 2\.0 cannot be had: .*timed out.*pip and setuptools",
        ),
        (Index(source(b"<b/>")), "what came has sha256"),
    ):
        with pytest.raises(NoDataset, match=told):
            read_python_files(package(whole), ["training/rows.xml"], tmp_path, index)
        assert not list(tmp_path.iterdir())
    with pytest.raises(BadData, match=r"words-2\.0\.tar\.gz has no none\.xml"):
        read_python_files(package(whole), ["none.xml"], tmp_path, Index(whole))


def test_pip_should_be_told_the_hash_and_take_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "python"
    command.write_text('#!/bin/sh\necho "$@" > asked\n')
    command.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(command))
    pip_download(PythonPackage("words", "2.0", "ab"), tmp_path)
    asked = (tmp_path / "asked").read_text()
    for each in ("--no-deps", "--no-build-isolation", "--require-hashes", "--no-binary words"):
        assert each in asked
    assert (tmp_path / "wanted.txt").read_text() == "words==2.0 --hash=sha256:ab\n"
