from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmarks.folder_objects import BLOCK, FolderObjects
from chalicelib.errors import NotFound


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "objects")


def test_an_object_should_come_back_whole_and_in_part(objects: FolderObjects) -> None:
    body = bytes(range(256)) * (BLOCK // 100)
    assert objects.upload("files", "a/b", [body[:100], body[100:]], {}) == len(body)
    assert objects.read("files", "a/b") == body
    pieces = list(objects.stream("files", "a/b"))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) == BLOCK
    assert b"".join(objects.stream("files", "a/b", 7, 20)) == body[7:20]


def test_a_download_should_tell_size_and_hash(objects: FolderObjects, tmp_path: Path) -> None:
    objects.write("files", "a", b"water", {})
    found = objects.download("files", "a", None, tmp_path / "into", 100)
    assert (tmp_path / "into").read_bytes() == b"water"
    assert (found.sha256, found.size) == (hashlib.sha256(b"water").hexdigest(), 5)


def test_what_lies_below_a_prefix_should_go_and_the_rest_stay(objects: FolderObjects) -> None:
    for key in ("a/1", "a/b/2", "ab/3"):
        objects.write("files", key, b"x", {})
    objects.copy("files", "a/1", "", "copied")
    assert objects.delete_prefix("files", "a/") == 2
    assert objects.read("files", "ab/3") == objects.read("files", "copied") == b"x"


def test_what_is_not_there_should_not_be_found(objects: FolderObjects) -> None:
    with pytest.raises(NotFound):
        objects.read("files", "nothing")
    with pytest.raises(NotFound):
        list(objects.stream("files", "nothing"))
