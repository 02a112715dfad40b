"""Packages of Debian as data: pinned, kept, read without dpkg, clear where they cannot be had."""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from models.data.packages import TRIES, DebianPackage, apt_download, read_debian_file
from models.failures import BadData

MEMBER = "usr/share/words"


def deb(text: bytes, ending: str = "xz") -> bytes:
    """A package with one file, as dpkg-deb makes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=f"w:{ending}") as archive:  # type: ignore[call-overload]
        info = tarfile.TarInfo(f"./{MEMBER}")
        info.size = len(text)
        archive.addfile(info, io.BytesIO(text))
    parts = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.xz", b"odd"),
        ("data.tar.xz", packed.getvalue()),
    ]
    whole = b"!<arch>\n"
    for name, body in parts:
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n".encode()
        whole += header + body + b"\n" * (len(body) % 2)
    return whole


def package(whole: bytes) -> DebianPackage:
    return DebianPackage("words", "1:2.0-3", hashlib.sha256(whole).hexdigest())


class Archive:
    """Gives these bytes, after so many failures."""

    def __init__(self, whole: bytes, failures: int = 0) -> None:
        self.whole, self.failures, self.asked = whole, failures, 0

    def __call__(self, wanted: DebianPackage, folder: Path) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            raise subprocess.TimeoutExpired(["apt-get", wanted.name], 120)
        (folder / "words.deb").write_bytes(self.whole)


def test_should_download_once_and_read_what_is_kept(tmp_path: Path) -> None:
    whole = deb(b"one two")
    archive = Archive(whole, failures=TRIES - 1)
    for _ in range(2):
        assert read_debian_file(package(whole), MEMBER, tmp_path, archive) == b"one two"
    assert archive.asked == TRIES
    assert (tmp_path / "words_1%3a2.0-3.deb").read_bytes() == whole


def test_should_give_up_with_what_to_do(tmp_path: Path) -> None:
    whole = deb(b"one")
    archive = Archive(whole, failures=TRIES)
    with pytest.raises(BadData, match=r"words 1:2\.0-3 cannot be had: .*timed out.*apt-get update"):
        read_debian_file(package(whole), MEMBER, tmp_path, archive)
    assert archive.asked == TRIES
    assert not list(tmp_path.iterdir())


def test_should_refuse_and_not_keep_another_file(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="what came has sha256"):
        read_debian_file(package(deb(b"one")), MEMBER, tmp_path, Archive(deb(b"other")))
    assert not list(tmp_path.iterdir())


def test_should_fetch_again_what_was_broken_in_the_cache(tmp_path: Path) -> None:
    whole = deb(b"one")
    (tmp_path / package(whole).file).write_bytes(whole[:-4])
    assert read_debian_file(package(whole), MEMBER, tmp_path, Archive(whole)) == b"one"


@pytest.mark.parametrize("whole", [b"", b"!<arch>\n", deb(b"one")[:70], b"no package at all"])
def test_should_say_what_is_no_package(whole: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadData, match=r"has no data\.tar"):
        read_debian_file(package(whole), MEMBER, tmp_path, Archive(whole))


def test_should_say_which_file_is_missing(tmp_path: Path) -> None:
    whole = deb(b"one")
    with pytest.raises(BadData, match="has no usr/share/none"):
        read_debian_file(package(whole), "usr/share/none", tmp_path, Archive(whole))


def test_apt_should_be_told_the_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "apt-get"
    command.write_text('#!/bin/sh\necho "$@" > asked.deb\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    apt_download(package(b""), tmp_path)
    assert (tmp_path / "asked.deb").read_text() == "download --quiet words=1:2.0-3\n"


def test_what_apt_says_should_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = tmp_path / "apt-get"
    command.write_text("#!/bin/sh\necho 'E: Unable to locate package words' >&2\nexit 100\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(BadData, match="cannot be had: E: Unable to locate package words"):
        read_debian_file(package(b""), MEMBER, tmp_path / "cache")


def test_processes_that_need_it_at_once_should_download_it_once(tmp_path: Path) -> None:
    whole = deb(b"one two")
    source = Archive(whole)

    def slow(wanted: DebianPackage, folder: Path) -> None:
        time.sleep(0.2)
        source(wanted, folder)

    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda _: read_debian_file(package(whole), MEMBER, tmp_path, slow), range(4))
        )
    assert (len(found), source.asked) == (4, 1)
